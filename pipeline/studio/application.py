"""The ASGI application of the studio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from pipeline.audience.address import AddressError, parse_address
from pipeline.errors import BroadsheetError
from pipeline.model.delivery import Accepted, Deferred, Refused, Unanswered
from pipeline.operations.preview import Look
from pipeline.studio import guard
from pipeline.studio.desk import Desk, Kind, Seen
from pipeline.studio.pages import Pages
from pipeline.studio.view import Pictures, Tab, View
from pipeline.studio.watch import follow

MOST_BODY: Final = 4_096  # bytes of a form
_CHECKED: Final = {Tab.FINDINGS, Tab.SOURCE}  # show what preflight said, so they wait for it
_IMAGES: Final = {
    Pictures.OWN: "'self' data:",
    Pictures.REMOTE: "'self' data: https: http:",
    Pictures.OFF: "'none'",
}


def application(desk: Desk, *, port: int, token: str, reader: str | None = None) -> Starlette:
    """Return the studio of a workspace.

    Args:
        desk: the open workspace.
        port: where it listens; requests must name it.
        token: the first part of every path; who does not know it is not answered.
        reader: the sample reader to begin with; None: the usual one.
    """
    studio = _Studio(desk, Pages(desk, token), reader)
    return Starlette(
        routes=[
            Route("/", studio.first, methods=["GET"]),
            Route("/events", studio.events, methods=["GET"]),
            *studio.routes("issues"),
            *studio.routes("outbox"),
            Route("/feeds/{name:str}", studio.feed, methods=["GET"]),
            Route("/archive", studio.archive, methods=["GET"]),
            Mount("/site", _SiteFiles(desk)),
            Mount("/assets", StaticFiles(directory=Path(__file__).with_name("assets"))),
        ],
        middleware=[Middleware(guard.Guard, port=port, token=token)],
        exception_handlers={HTTPException: studio.not_served, BroadsheetError: _not_now},
        lifespan=studio.lifespan,
    )


class _Studio:
    """The pages and what they are made of."""

    def __init__(self, desk: Desk, pages: Pages, reader: str | None) -> None:
        self.desk, self.pages, self.reader = desk, pages, reader

    def routes(self, kind: str) -> list[Route]:
        """Return the addresses of an issue file or an entry."""
        path = f"/{kind}/{{name:str}}"
        return [
            Route(path, self.page, methods=["GET"]),
            Route(f"{path}/mail", self.mail, methods=["GET"]),
            Route(f"{path}/message.eml", self.download, methods=["GET"]),
            Route(f"{path}/pictures/{{picture:str}}", self.picture, methods=["GET"]),
            Route(f"{path}/test", self.test, methods=["POST"]),
            Route(f"{path}/test", self.back, methods=["GET"]),
        ]

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Watch while the studio is open."""
        loop = asyncio.get_running_loop()
        changes: set[asyncio.Task[None]] = set()

        def changed() -> None:
            task = loop.create_task(self.desk.change())
            changes.add(task)
            task.add_done_callback(changes.discard)

        watching = [
            loop.create_task(follow(self._deep, changed, recursive=True)),
            loop.create_task(follow(self._flat, changed, recursive=False)),
        ]
        yield
        for task in watching:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def first(self, _: Request) -> Response:
        """Go to what is most likely meant."""
        issues = sorted(await self.desk.call(self.desk.shelf.issue_files), reverse=True)
        if not issues:
            return HTMLResponse(await self.desk.call(self.pages.empty))
        query = View(reader=self.reader).query() if self.reader else ""
        return RedirectResponse(self.pages.place("issues", issues[0]) + query, status_code=303)

    async def events(self, _: Request) -> Response:
        """Stream versions, as Server-Sent Events."""

        async def stream() -> AsyncIterator[str]:
            yield "retry: 500\n\n"
            async for version in self.desk.versions():
                yield f"data: {version}\n\n"

        return StreamingResponse(stream(), media_type="text/event-stream")

    async def page(self, request: Request) -> Response:
        """Show an issue or an entry."""
        view = View.of(request.query_params)
        kind, name, seen = await self._seen(request, checked=view.tab in _CHECKED)
        page = await self.desk.call(lambda: self.pages.item(kind, name, seen, view))
        return HTMLResponse(page)

    async def mail(self, request: Request) -> Response:
        """Answer with the HTML part, for the frame alone."""
        _, _, seen = await self._seen(request)
        view = View.of(request.query_params)
        html = self.pages.framed(seen, view)
        policy = guard.mail_policy(_IMAGES[view.pictures])
        return HTMLResponse(html, headers={"Content-Security-Policy": policy})

    async def picture(self, request: Request) -> Response:
        """Answer with a picture of the message."""
        _, _, seen = await self._seen(request)
        found = self.pages.picture(seen, request.path_params["picture"])
        if found is None:
            raise HTTPException(404)
        data, media_type = found
        return Response(
            data,
            media_type=media_type,
            headers={
                "Content-Security-Policy": "sandbox; default-src 'none'",
                # The frame that shows it has an origin of its own.
                "Cross-Origin-Resource-Policy": "cross-origin",
            },
        )

    async def download(self, request: Request) -> Response:
        """Answer with the message as a file."""
        _, _, seen = await self._seen(request)
        letter, _ = self.pages.letter(seen, View.of(request.query_params))
        if letter is None or seen.look is None:
            raise HTTPException(404)
        return Response(
            letter.raw,
            media_type="message/rfc822",
            headers={"Content-Disposition": f'attachment; filename="{seen.look.entry}.eml"'},
        )

    async def test(self, request: Request) -> Response:
        """Send one message to one address: first ask, then do."""
        kind, name, seen = await self._seen(request)
        view = View.of(request.query_params)
        form = await _form(request)
        said: dict[str, str] = {"address": form.get("address", "")}
        look = seen.look
        if look is None or seen.problems or seen.gone:
            said["problem"] = "There is no whole message to send; mend the file first."
        elif form.get("sure") != (sure := self._sure(look)):
            try:
                said["sure"] = sure
                said["address"] = parse_address(said["address"]).given
                if "sure" in form:
                    said["problem"] = "It was saved again meanwhile; look at it once more."
            except AddressError as error:
                said = {"address": said["address"], "problem": str(error)}
        else:
            said |= await self._send(look, said["address"])
        page = await self.desk.call(lambda: self.pages.item(kind, name, seen, view, test=said))
        return HTMLResponse(page, status_code=400 if "problem" in said else 200)

    async def back(self, request: Request) -> Response:
        """Lead to the page: the toggles beside the answer of a test are relative to its address."""
        page = self.pages.place(_kind(request), request.path_params["name"])
        return RedirectResponse(f"{page}?{request.url.query}", status_code=303)

    def _sure(self, look: Look) -> str:
        """Name what is confirmed: this message, by this way out."""
        said = f"{look.digest} {self.desk.app.settings.sender!r}"
        return sha256(said.encode()).hexdigest()

    async def _send(self, look: Look, address: str) -> dict[str, str]:
        """Send, and return what became of it in words."""
        send = self.desk.app.send_one
        try:
            outcome = await asyncio.to_thread(
                lambda: send().rendered(look.rendered, look.entry, address)
            )
        except BroadsheetError as error:
            return {"problem": f"It did not leave: {error}"}
        match outcome:
            case Accepted(code, reply):
                return {"done": f"Accepted: {code} {reply}"}
            case Deferred(code, reply):
                return {"problem": f"Not now, said the relay: {code} {reply}"}
            case Refused(code, reply):
                return {"problem": f"Refused: {code} {reply}"}
            case Unanswered(reason):
                return {"problem": f"It may or may not have left: {reason}"}

    async def feed(self, request: Request) -> Response:
        """Show a feed file."""
        name = request.path_params["name"]
        if name not in self.desk.shelf.feeds():
            raise HTTPException(404)
        return HTMLResponse(await self.desk.call(lambda: self.pages.feed(name)))

    async def archive(self, request: Request) -> Response:
        """Show the site as it was written."""
        view = View.of(request.query_params)
        return HTMLResponse(await self.desk.call(lambda: self.pages.archive(view)))

    async def not_served(self, request: Request, error: Exception) -> Response:
        """Say that there is no such page."""
        assert isinstance(error, HTTPException)
        page = await self.desk.call(
            lambda: self.pages.missing(_within(request), error.status_code)
        )
        return HTMLResponse(page, status_code=error.status_code, headers=error.headers)

    async def _seen(self, request: Request, *, checked: bool = False) -> tuple[str, str, Seen]:
        kind, name = _kind(request), request.path_params["name"]
        seen = await self.desk.at(kind, name, checked=checked)
        if seen is None:
            raise HTTPException(404)
        return kind, name, seen

    def _deep(self) -> Iterable[Path]:
        app = self.desk.app
        if not app.has_workspace:
            return []
        paths = app.settings.paths
        return [app.root / each for each in (paths.issues, paths.templates, paths.outbox)]

    def _flat(self) -> Iterable[Path]:
        app = self.desk.app
        own = [self.desk.file.resolve().parent] if self.desk.file else []
        return [app.root, app.site, *own] if app.has_workspace else own


class _SiteFiles(StaticFiles):
    """The written site, as little trusted as a mail."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(directory=desk.app.site, html=True, check_dir=False)
        self.desk = desk

    async def check_config(self) -> None:
        """Accept any folder; what is not there is a 404."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file under the policy of a mail, but for its style sheet."""
        response = await super().get_response(path, scope)
        if isinstance(response, FileResponse) and response.media_type == "text/html":
            response = self._with_pictures(response, place=f"{scope['root_path']}/")
        response.headers["Content-Security-Policy"] = guard.SITE
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response

    def _with_pictures(self, page: FileResponse, *, place: str) -> HTMLResponse:
        """Take pictures from the files of the site, whose published address is elsewhere."""
        published = f'src="{self.desk.app.newsletter.site_url}/'.encode()
        html = Path(page.path).read_bytes().replace(published, f'src="{place}'.encode())
        return HTMLResponse(html, page.status_code)


def _within(request: Request) -> str:
    """Return the path without the token."""
    return request.url.path.removeprefix(request.base_url.path)


def _kind(request: Request) -> Kind:
    return "outbox" if _within(request).startswith("outbox/") else "issues"


async def _not_now(_: Request, error: Exception) -> Response:
    """Say what stands in the way of any page."""
    return PlainTextResponse(f"{error}\n", status_code=503)


async def _form(request: Request) -> dict[str, str]:
    """Read a short form; one that is too long is none."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY:
            raise HTTPException(413)
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
