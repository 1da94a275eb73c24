"""The preferences page: which lists, when, in which language."""

from __future__ import annotations

from functools import partial

from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from pipeline.operations.prefer import UNTIL_THEY_RETURN, Changes, Pause, Prefer, Preferred
from pipeline.web.form import Form
from pipeline.web.pages import Pages
from pipeline.web.zones import zones


class PreferencesPages(Struct, frozen=True, kw_only=True):
    """One form with everything a reader may decide."""

    pages: Pages
    prefer: Prefer

    async def show(self, request: Request) -> Response:
        """GET: the form as things are."""
        return await self._page(request, "preferences", None)

    async def act(self, request: Request) -> Response:
        """POST: change what was sent, and show the form as things are now."""
        changes = _changes(await Form.of(request))
        token = request.path_params["token"]
        answer = await run_in_threadpool(partial(self.prefer, token, changes))
        return await self._page(request, "saved", answer)

    async def _page(self, request: Request, template: str, answer: Preferred | None) -> Response:
        token = request.path_params["token"]
        view = await run_in_threadpool(self.prefer.look, token)
        if view is None:
            return self.pages.problem(request, "link", 404)
        return self.pages.answer(
            request,
            template,
            theirs=view.language,
            view=view,
            token=token,
            answer=answer,
            without_end=view.paused_until == UNTIL_THEY_RETURN,
            zones=zones(),
        )


def _changes(form: Form) -> Changes:
    """Return what a form asks for. What it does not hold stays; of boxes it holds what is ticked."""
    pauses = {pause.value: pause for pause in Pause}
    return Changes(
        lists=frozenset(form.all("list")) if form["lists"] else None,
        pause=pauses.get(form["pause"]),  # "keep", or nonsense, is none of them
        name=form.first("name"),
        language=form.first("language"),
        zone=form.first("zone"),
    )
