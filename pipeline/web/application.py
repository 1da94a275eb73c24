"""The ASGI application; everything it shows is a file, everything it does is one POST."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from pipeline.operations.unsubscribe import Unsubscribe
from pipeline.web.files import OutboxFiles, SiteFiles
from pipeline.web.headers import SecurityHeaders
from pipeline.web.unsubscribe import UnsubscribePage

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")


def application(
    *, site: Path, outbox: Path, public_host: str, newsletter_name: str, unsubscribe: Unsubscribe
) -> Starlette:
    """Return the application.

    Args:
        site: folder of feeds and pages, served at /.
        outbox: folder of entries, served at /outbox/ to this machine only.
        public_host: the one host name, besides loopback ones, that requests may name.
        newsletter_name: shown on the unsubscribe page.
        unsubscribe: what a POST to /u/TOKEN does.
    """
    page = UnsubscribePage(unsubscribe, newsletter_name)
    return Starlette(
        routes=[
            Route("/healthz", _health),
            Route("/u/{token:str}", page.show, methods=["GET", "HEAD"]),
            Route("/u/{token:str}", page.act, methods=["POST"]),
            Mount("/outbox", OutboxFiles(outbox, hosts=frozenset(LOOPBACK))),
            Mount("/", SiteFiles(site)),
        ],
        middleware=[
            # A page of another origin must not reach us under its own name (DNS rebinding).
            Middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK, public_host]),
            Middleware(SecurityHeaders),
        ],
    )


async def _health(_: Request) -> Response:
    return PlainTextResponse("ok\n")
