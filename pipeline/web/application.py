"""The ASGI application; everything it shows is a file, everything it does is one POST."""

from __future__ import annotations

from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from pipeline.app import App
from pipeline.web.files import OutboxFiles, SiteFiles
from pipeline.web.headers import SecurityHeaders
from pipeline.web.unsubscribe import UnsubscribePage

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")


def application(app: App) -> Starlette:
    """Return the HTTP door of a workspace.

    The site is at /, unsubscribe links at /u/TOKEN, the outbox at /outbox/ for this machine only.
    Requests may name loopback hosts and the host of `site_url`, no other.
    """
    page = UnsubscribePage(app.unsubscribe(), app.newsletter.name)
    return Starlette(
        routes=[
            Route("/healthz", _health),
            Route("/u/{token:str}", page.show, methods=["GET", "HEAD"]),
            Route("/u/{token:str}", page.act, methods=["POST"]),
            Mount("/outbox", OutboxFiles(app.outbox().root, hosts=frozenset(LOOPBACK))),
            Mount("/", SiteFiles(app.site)),
        ],
        middleware=[
            # A page of another origin must not reach us under its own name (DNS rebinding).
            Middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK, app.newsletter.host]),
            Middleware(SecurityHeaders),
        ],
    )


async def _health(_: Request) -> Response:
    return PlainTextResponse("ok\n")
