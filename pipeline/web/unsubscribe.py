"""The unsubscribe page: GET shows a button, POST acts (RFC 8058, decision D10)."""

from __future__ import annotations

from html import escape
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from pipeline.operations.unsubscribe import Unsubscribe

# Token pages are nobody's business: not cached, not indexed.
_HEADERS: Final = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ink: #1c1a17; --paper: #fffdf8; --key: #a3291b; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ink: #f6f1e6; --paper: #1a1815; --key: #ff9a83; }}
}}
body {{ margin: 0; background: var(--paper); color: var(--ink);
  font: 18px/1.6 Charter, Georgia, "Times New Roman", serif; border-top: 5px solid var(--key); }}
main {{ max-width: 32rem; margin: 18vh auto 4rem; padding: 0 1.5rem; }}
h1 {{ font-size: 1.7rem; line-height: 1.25; margin: 0 0 1rem; }}
button {{ font: inherit; font-weight: bold; padding: .7rem 1.4rem; border: 0;
  border-radius: .4rem; background: var(--key); color: var(--paper); cursor: pointer; }}
button:focus-visible {{ outline: 3px solid var(--ink); outline-offset: 3px; }}
</style>
</head>
<body><main><h1>{title}</h1>{body}</main></body>
</html>
"""


class UnsubscribePage:
    """Two answers to one address; neither sets a cookie nor redirects."""

    def __init__(self, unsubscribe: Unsubscribe, newsletter_name: str) -> None:
        self.unsubscribe = unsubscribe
        self.newsletter_name = newsletter_name

    async def show(self, request: Request) -> Response:
        """GET: offer the button. Scanners that open every link change nothing."""
        if not self.unsubscribe.knows(request.path_params["token"]):
            return self._unknown()
        return self._page(
            f"Unsubscribe from {self.newsletter_name}?",
            '<p>You will get no further issues.</p><form method="post">'
            '<button type="submit">Unsubscribe</button></form>',
        )

    async def act(self, request: Request) -> Response:
        """POST: unsubscribe at once; a mailbox provider's one-click body needs no reading."""
        if not await run_in_threadpool(self.unsubscribe, request.path_params["token"]):
            return self._unknown()
        return self._page(
            "You are unsubscribed",
            f"<p>{escape(self.newsletter_name)} will not write to you again.</p>",
        )

    def _unknown(self) -> Response:
        return self._page(
            "This link does not work",
            "<p>It is not complete. Please copy the whole link from the mail, or simply reply to "
            "it.</p>",
            status=404,
        )

    @staticmethod
    def _page(title: str, body: str, status: int = 200) -> Response:
        return HTMLResponse(
            _PAGE.format(title=escape(title), body=body), status_code=status, headers=_HEADERS
        )
