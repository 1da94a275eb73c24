"""The second half of double opt-in: GET shows a button, POST confirms."""

from __future__ import annotations

from functools import partial

from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from pipeline.model.ports import Clock
from pipeline.operations.confirm import Confirm
from pipeline.storage.standing import Confirmed
from pipeline.web.client import ClientKeys
from pipeline.web.pages import Pages


class ConfirmPages(Struct, frozen=True, kw_only=True):
    """What the link of a confirmation mail leads to."""

    pages: Pages
    confirm: Confirm
    clients: ClientKeys
    clock: Clock

    async def show(self, request: Request) -> Response:
        """GET: offer the button."""
        view = await run_in_threadpool(self.confirm.look, request.path_params["token"])
        if view is None:
            return self._say(request, None)
        if view.blocked:
            return self.pages.problem(request, "blocked", 403)
        if view.answer is not Confirmed.CONFIRMED:
            return self._say(request, view.answer, view.language)
        return self.pages.answer(request, "confirm", theirs=view.language, view=view)

    async def act(self, request: Request) -> Response:
        """POST: confirm. A second time says what is so: they are subscribed."""
        host = request.client.host if request.client else None
        client = self.clients(host, self.clock().date())
        token = request.path_params["token"]
        view = await run_in_threadpool(self.confirm.look, token)
        answer = await run_in_threadpool(partial(self.confirm, token, client=client))
        if view and view.blocked:
            return self.pages.problem(request, "blocked", 403)
        return self._say(request, answer, view.language if view else None)

    def _say(
        self, request: Request, answer: Confirmed | None, language: str | None = None
    ) -> Response:
        match answer:
            case Confirmed.CONFIRMED | Confirmed.ALREADY:
                return self.pages.answer(request, "confirmed", theirs=language)
            case Confirmed.EXPIRED:
                return self.pages.problem(request, "expired", 410)
            case Confirmed.GONE | None:
                return self.pages.problem(request, "link", 404)
