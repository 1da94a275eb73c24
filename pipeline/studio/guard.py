"""Who may ask, and what an answer may do in the browser."""

from __future__ import annotations

from hmac import compare_digest
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST: Final = "127.0.0.1"  # the one address the studio listens on

# The page of the studio: files of its own, and nothing inline.
PAGE: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SANDBOX: Final = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
_NOWHERE: Final = "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"


def mail_policy(images: str) -> str:
    """Return the policy of a mail: an origin of its own, no script, no form, no request.

    Args:
        images: where pictures may come from, in the words of `img-src`.
    """
    return f"{_SANDBOX}style-src 'unsafe-inline'; img-src {images}; {_NOWHERE}"


# A page of the site brings its own style sheet and pictures, and is no more trusted than a mail.
SITE: Final = f"{_SANDBOX}style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; {_NOWHERE}"

_NOT_OURS: Final = "The studio answers only to the address it printed."
_ALWAYS: Final = {
    "Content-Security-Policy": PAGE,
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """ASGI middleware: answers those who know the address, and completes the headers.

    The token is the first part of every path; behind the guard it is the `root_path` of ASGI.
    """

    def __init__(self, app: ASGIApp, *, port: int, token: str) -> None:
        self.app, self.token = app, token
        # Any other name is another site that found out our address (DNS rebinding).
        self.hosts = frozenset({f"{HOST}:{port}", f"localhost:{port}"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or say why not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers.setdefault(name, value)
            await send(message)

        problem = self._problem(scope["method"], scope["path"], Headers(scope=scope))
        answer = PlainTextResponse(f"{problem}\n", status_code=403) if problem else self.app
        await answer({**scope, "root_path": f"/{self.token}"}, receive, send_with_headers)

    def _problem(self, method: str, path: str, headers: Headers) -> str:
        """Return why a request is refused; nothing if it is not."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return _NOT_OURS
        given, _, _ = path.removeprefix("/").partition("/")
        if not compare_digest(given.encode(), self.token.encode()):
            return _NOT_OURS
        if method in {"GET", "HEAD"}:
            return ""
        # The browser's own word where there is one; Origin is "null" under no-referrer.
        site = headers.get("sec-fetch-site")
        origin = headers.get("origin")
        ours = site == "same-origin" if site else origin == f"http://{hosts[0]}"
        return "" if ours else "Only a page of the studio itself may ask for this."
