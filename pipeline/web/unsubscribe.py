"""The unsubscribe page: GET shows a button, POST acts (RFC 8058, decision D10)."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from pipeline.audience.tokens import Action
from pipeline.errors import StorageError
from pipeline.operations.keep_word import KeepWord
from pipeline.operations.unsubscribe import Method, Unsubscribe, UnsubscribeView
from pipeline.web.pages import Pages

# Longer the database may not keep a mailbox provider waiting; the word goes to the disk then.
PATIENCE_S: Final = 0.75
_RETRY_S: Final = 5.0
_NEXT_S: Final = 0.5  # while many wait
_MANY: Final = 20
_SOMEBODY: Final = "…@…"
_ONE_CLICK: Final = b"One-Click"

_log = logging.getLogger("broadsheet")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribePages:
    """No answer sets a cookie, redirects, or depends on where the request came from."""

    pages: Pages
    unsubscribe: Unsubscribe
    keep_word: KeepWord
    _under_way: set[asyncio.Future[bool]] = field(default_factory=set, repr=False)
    # Threads of its own for files: the others may all be waiting for the database.
    _files: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(4), repr=False)

    async def show(self, request: Request) -> Response:
        """GET: offer the button. Scanners that open every link change nothing."""
        token = request.path_params["token"]
        try:
            view = await self._look(token)
        except (TimeoutError, StorageError):
            view = self._unseen(token)
        if view is None:
            return self.pages.problem(request, "link", 404)
        template = "unsubscribe" if view.subscribed else "unsubscribed"
        return self.pages.answer(
            request, template, theirs=view.language, view=view, token=token, everything=False
        )

    async def act(self, request: Request) -> Response:
        """POST: unsubscribe at once, whatever the body is."""
        one_click = _ONE_CLICK in await request.body()
        method: Method = "one-click" if one_click else "page"
        return await self._leave(request, everything=False, method=method)

    async def leave_all(self, request: Request) -> Response:
        """POST: unsubscribe from every list."""
        return await self._leave(request, everything=True, method="page")

    async def undo(self, request: Request) -> Response:
        """POST: it was a mistake. A second time says what is so."""
        token = request.path_params["token"]
        await run_in_threadpool(self.keep_word.undo, token)
        view = await run_in_threadpool(self.unsubscribe.look, token)
        if view is None:
            return self.pages.problem(request, "link", 404)
        if not view.subscribed:
            return self.pages.problem(request, "expired", 410)
        return self.pages.answer(request, "undone", theirs=view.language, view=view)

    async def carry_out_kept(self) -> None:
        """Carry out, again and again, what the database could not take; until cancelled."""
        while True:
            left = 0
            try:
                left = await run_in_threadpool(self.keep_word.carry_out)
            except (StorageError, OSError) as error:
                _log.warning("unsubscribe: words are kept: %s", error)
            await asyncio.sleep(_RETRY_S if left < _MANY else _NEXT_S)

    async def _leave(self, request: Request, *, everything: bool, method: Method) -> Response:
        token = request.path_params["token"]
        view: UnsubscribeView | None = None
        match await self._take(token, everything=everything, method=method):
            case "unknown":
                return self.pages.problem(request, "link", 404)
            case "kept":  # the database has no time for a page that says more, either
                return self.pages.answer(request, "left")
            case "done":
                # Whatever keeps us from showing more, the word was taken.
                with suppress(TimeoutError, StorageError):
                    view = await self._look(token)
        if view is None:  # or erased since
            return self.pages.answer(request, "left")
        return self.pages.answer(
            request,
            "unsubscribed",
            theirs=view.language,
            view=view,
            token=token,
            everything=everything,
        )

    async def _look(self, token: str) -> UnsubscribeView | None:
        """Look as long as PATIENCE_S; None: it is not a token of ours.

        Raises:
            TimeoutError: the database has no time.
            StorageError: the same, or worse.
        """
        looking = asyncio.ensure_future(run_in_threadpool(self.unsubscribe.look, token))
        looking.add_done_callback(_ended)
        # Shielded: a thread that waits for the database stays among those that are counted.
        return await asyncio.wait_for(asyncio.shield(looking), PATIENCE_S)

    def _unseen(self, token: str) -> UnsubscribeView | None:
        """Return what a token says without the database: which list, not who; None: as `_look`."""
        ticket = self.unsubscribe.bearers.ticket(token, Action.UNSUBSCRIBE)
        if ticket is None:
            return None
        return UnsubscribeView(
            address=_SOMEBODY,
            list=self.unsubscribe.bearers.title(ticket.list),
            subscribed=True,
            elsewhere=False,
            undoable=False,
            language=None,
        )

    async def _take(
        self, token: str, *, everything: bool, method: Method
    ) -> Literal["done", "kept", "unknown"]:
        """Unsubscribe, or promise it on disk."""
        act = partial(self.unsubscribe, token, everything=everything, method=method)
        doing = asyncio.ensure_future(run_in_threadpool(act))
        try:
            known = await asyncio.wait_for(asyncio.shield(doing), PATIENCE_S)
        except (TimeoutError, StorageError):
            keep = partial(self.keep_word, token, everything=everything, method=method)
            if not await to_thread.run_sync(keep, limiter=self._files):
                return "unknown"
        else:
            return "done" if known else "unknown"
        _log.warning("unsubscribe: the database is busy; a word is kept until it has time")
        self._under_way.add(doing)
        doing.add_done_callback(partial(self._done, token, everything=everything))
        return "kept"

    def _done(self, token: str, doing: asyncio.Future[bool], *, everything: bool) -> None:
        """Drop the kept word if the database took it in the end."""
        self._under_way.discard(doing)
        if not doing.cancelled() and doing.exception() is None:
            self.keep_word.forget(token, everything=everything)


def _ended(looking: asyncio.Future[UnsubscribeView | None]) -> None:
    """Take note of how a look ended that nobody waited for; asyncio would log a traceback."""
    if not looking.cancelled():
        looking.exception()
