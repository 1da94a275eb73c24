"""What only the owner of a mailbox may do: read everything about them, or erase it."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from pipeline.operations.bearer import Mailed
from pipeline.operations.disclose import Disclose
from pipeline.operations.erase import Erase
from pipeline.operations.mailed_link import LinkView, MailedLink
from pipeline.web.pages import PRIVATE, Pages

_FILE_NAME: Final = "my-data.json"


class PersonalPages(Struct, frozen=True, kw_only=True):
    """Buttons behind links that were mailed; pressing one is the deed."""

    pages: Pages
    disclose: Disclose
    erase: Erase

    async def mail_data_link(self, request: Request) -> Response:
        """POST with a token of preferences: mail the link to the data."""
        return await self._mailed(request, self.disclose)

    async def mail_erase_link(self, request: Request) -> Response:
        """POST with a token of preferences: mail the link to erase."""
        return await self._mailed(request, self.erase)

    async def show_data(self, request: Request) -> Response:
        """GET: offer the download."""
        view = await run_in_threadpool(self.disclose.look, request.path_params["token"])
        return self._show(request, "disclose", view)

    async def send_data(self, request: Request) -> Response:
        """POST: the file."""
        data = await run_in_threadpool(self.disclose.read, request.path_params["token"])
        if data is None:
            return await self.show_data(request)
        disposition = {"Content-Disposition": f'attachment; filename="{_FILE_NAME}"'}
        return Response(data, media_type="application/json", headers={**PRIVATE, **disposition})

    async def show_erase(self, request: Request) -> Response:
        """GET: offer the button."""
        view = await run_in_threadpool(self.erase.look, request.path_params["token"])
        return self._show(request, "erase", view)

    async def act_erase(self, request: Request) -> Response:
        """POST: erase."""
        token = request.path_params["token"]
        view = await run_in_threadpool(self.erase.look, token)
        if not await run_in_threadpool(self.erase, token):
            return self._show(request, "erase", view)
        return self.pages.answer(request, "erased", theirs=view.language if view else None)

    async def _mailed(self, request: Request, operation: MailedLink) -> Response:
        answer = await run_in_threadpool(operation.ask, request.path_params["token"])
        if answer is None:
            return self.pages.problem(request, "link", 404)
        if answer is Mailed.BLOCKED:
            return self.pages.problem(request, "blocked", 403)
        return self.pages.answer(request, "mailed")

    def _show(self, request: Request, template: str, view: LinkView | None) -> Response:
        if view is None:
            return self.pages.problem(request, "link", 404)
        if view.expired:
            return self.pages.problem(request, "late", 410)
        return self.pages.answer(request, template, theirs=view.language, view=view)
