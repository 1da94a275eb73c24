"""The ASGI application; everything it shows is a file or a page, everything it does is a POST."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from pipeline.app import App
from pipeline.errors import BroadsheetError
from pipeline.web.body import BodyLimit
from pipeline.web.client import ClientKeys, network
from pipeline.web.confirm import ConfirmPages
from pipeline.web.files import OutboxFiles, SiteFiles
from pipeline.web.form import FormTimes
from pipeline.web.headers import SecurityHeaders
from pipeline.web.hooks import Hooks
from pipeline.web.pages import Pages
from pipeline.web.personal import PersonalPages
from pipeline.web.preferences import PreferencesPages
from pipeline.web.questions import Questions
from pipeline.web.rates import Rates, Rule
from pipeline.web.subscribe import PACE_S, SubscribePages
from pipeline.web.unsubscribe import UnsubscribePages

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")

Endpoint = Callable[[Request], Awaitable[Response]]

_log = logging.getLogger("broadsheet")


def application(app: App, *, rates: Rates | None = None, pace_s: float = PACE_S) -> Starlette:
    """Return the HTTP door of a workspace.

    The site is at /, the outbox at /outbox/ for this machine only; docs/web.md lists the rest.
    Requests may name loopback hosts and the host of `site_url`, no other.

    Args:
        app: the workspace.
        rates: what counts requests; for tests, one with a clock of theirs.
        pace_s: how long a form is thought about at least.

    Raises:
        TemplateError: a page of the workspace is not a template.
    """
    settings = app.settings.web
    pages = Pages(app.newsletter, own=app.root / settings.templates)
    pages.check()
    rates = rates or Rates()
    clients = ClientKeys(app.keys)
    ask = app.ask()
    questions = Questions(ask.together)
    subscribe = SubscribePages(
        pages=pages,
        ask=ask,
        questions=questions,
        lists=tuple(one for one in app.lists.values() if one.public),
        wording=app.settings.consent.wording,
        times=FormTimes(app.keys),
        clients=clients,
        rates=rates,
        clock=app.clock,
        pace_s=pace_s,
    )
    unsubscribe = UnsubscribePages(
        pages=pages, unsubscribe=app.unsubscribe(), keep_word=app.keep_word()
    )
    confirm = ConfirmPages(pages=pages, confirm=app.confirm(), clients=clients, clock=app.clock)
    preferences = PreferencesPages(pages=pages, prefer=app.prefer())
    personal = PersonalPages(pages=pages, disclose=app.disclose(), erase=app.erase())

    def slowly(endpoint: Endpoint) -> Endpoint:
        """Turn away who does it far too often."""

        async def limited(request: Request) -> Response:
            host = request.client.host if request.client else None
            if not rates.allow(Rule.CHANGE_NETWORK, network(host)):
                return pages.problem(request, "often", 429)
            return await endpoint(request)

        return limited

    def link(letter: str, show: Endpoint, act: Endpoint) -> list[Route]:
        """Return the two routes of a link in a mail: a look, and a deed."""
        path = f"/{letter}/{{token:str}}"
        return [Route(path, show, methods=["GET"]), Route(path, act, methods=["POST"])]

    async def not_served(request: Request, error: Exception) -> Response:
        """Answer what has no page: a wrong address, a wrong method."""
        assert isinstance(error, HTTPException)
        kind = "missing" if error.status_code == 404 else "other"
        answer = pages.problem(request, kind, error.status_code)
        answer.headers.update(error.headers or {})
        return answer

    async def not_now(request: Request, error: Exception) -> Response:
        """Answer while something is broken or busy; the log says what."""
        _log.warning("web: %s", error)
        answer = pages.problem(request, "busy", 503)
        answer.headers["Retry-After"] = "10"
        return answer

    async def broken(request: Request, _: Exception) -> Response:
        """Answer what is a mistake of ours; the server's log has the traceback."""
        return pages.problem(request, "busy", 500)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(unsubscribe.carry_out_kept()),
            asyncio.create_task(questions.carry_out()),
        ]
        yield
        await questions.close()
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    served = Starlette(
        routes=[
            Route("/healthz", _health),
            Route("/subscribe", subscribe.show, methods=["GET"]),
            Route("/subscribe", subscribe.act, methods=["POST"]),
            Route("/subscribe/embed", subscribe.embed, methods=["GET"]),
            *link("c", confirm.show, slowly(confirm.act)),
            # No limit here: a provider sends the words of many readers from one network.
            *link("u", unsubscribe.show, unsubscribe.act),
            Route("/u/{token:str}/undo", slowly(unsubscribe.undo), methods=["POST"]),
            Route("/u/{token:str}/all", slowly(unsubscribe.leave_all), methods=["POST"]),
            *link("p", preferences.show, slowly(preferences.act)),
            Route("/p/{token:str}/disclose", slowly(personal.mail_data_link), methods=["POST"]),
            Route("/p/{token:str}/erase", slowly(personal.mail_erase_link), methods=["POST"]),
            *link("d", personal.show_data, slowly(personal.send_data)),
            *link("e", personal.show_erase, slowly(personal.act_erase)),
            Route("/hooks/{name:str}", Hooks(app.webhook).act, methods=["POST"]),
            Mount("/outbox", OutboxFiles(app.outbox().root, hosts=frozenset(LOOPBACK))),
            Mount("/", SiteFiles(app.site)),
        ],
        middleware=[
            Middleware(SecurityHeaders),
            # Who a request came from is what these proxies say, and nobody else.
            *_proxies(settings.trusted_proxies),
            # A page of another origin must not reach us under its own name (DNS rebinding).
            Middleware(
                TrustedHostMiddleware,
                allowed_hosts=[*LOOPBACK, app.newsletter.host],
                www_redirect=False,
            ),
            Middleware(BodyLimit),
        ],
        exception_handlers={
            HTTPException: not_served,
            BroadsheetError: not_now,
            Exception: broken,
        },
        lifespan=lifespan,
    )
    served.state.questions = questions
    return served


def _proxies(trusted: Sequence[str]) -> list[Middleware]:
    return [Middleware(ProxyHeadersMiddleware, trusted_hosts=list(trusted))] if trusted else []


async def _health(_: Request) -> Response:
    return PlainTextResponse("ok\n")
