"""Static files: feeds with their media types, and the outbox behind the loopback."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from pipeline.web.client import loopback
from pipeline.web.headers import MAIL_POLICY, SEARCH_POLICY

FEED_TYPES: Final[Mapping[str, str]] = {
    "feed.xml": "application/rss+xml; charset=utf-8",
    "atom.xml": "application/atom+xml; charset=utf-8",
    "feed.json": "application/feed+json; charset=utf-8",
}
# What only a proxy writes: the request comes from somewhere else, whatever it says.
_PASSED_ON: Final = ("forwarded", "via", "x-real-ip", "x-forwarded-")
_SHOWN_AS_TEXT: Final = frozenset({".eml", ".mjml", ".json", ".txt"})


class _Files(StaticFiles):
    """A folder that need not be there yet: nothing is published, and that is no error."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True, check_dir=False)

    async def check_config(self) -> None:
        """Accept any folder; what is not there is a 404."""


class SiteFiles(_Files):
    """The public folder; ETag, Last-Modified and 304 come with it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    def file_response(self, full_path: str | os.PathLike[str], *args: Any, **kw: Any) -> Response:
        """Answer with the media type that feed readers expect; the search may run its script."""
        response = super().file_response(full_path, *args, **kw)
        if Path(full_path) == self.folder.resolve() / "search" / "index.html":
            # On a 304 too: browsers replace the headers they kept by those of the answer.
            response.headers["Content-Security-Policy"] = SEARCH_POLICY
        media_type = FEED_TYPES.get(Path(full_path).name)
        if media_type:
            response.headers["Content-Type"] = media_type
        return response


class OutboxFiles(_Files):
    """The author's view of what will be sent; it exists for this machine only."""

    def __init__(self, folder: Path, *, hosts: frozenset[str]) -> None:
        super().__init__(folder)
        self.hosts = hosts

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer this machine under a loopback name; for anybody else there is no outbox."""
        if not self._is_here(scope):
            return PlainTextResponse("Not Found", status_code=404)
        return await super().get_response(path, scope)

    def _is_here(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        client = scope.get("client")
        return (
            name in self.hosts
            and loopback(client[0] if client else None)
            and not any(key.startswith(_PASSED_ON) for key in headers)
        )

    def file_response(self, full_path: str | os.PathLike[str], *args: Any, **kw: Any) -> Response:
        """Answer with the file as it is: mail sandboxed, sources as text."""
        response = super().file_response(full_path, *args, **kw)
        path = Path(full_path)
        response.headers["Cache-Control"] = "no-store"
        if path.name == "email.html":
            response.headers["Content-Security-Policy"] = MAIL_POLICY
        elif path.suffix in _SHOWN_AS_TEXT:
            response.headers["Content-Type"] = "text/plain; charset=utf-8"
        return response
