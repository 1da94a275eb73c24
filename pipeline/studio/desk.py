"""What is open: built when somebody looks, one at a time, the last good view kept."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from pipeline.app import App
from pipeline.errors import BroadsheetError, ConfigError
from pipeline.model.entry import EntryId
from pipeline.operations.shelf import Shelf
from pipeline.settings import FILE_NAME
from pipeline.studio.problems import Problem, explained, problem

if TYPE_CHECKING:
    from pipeline.operations.preview import Look, Preview

# A build that takes longer is said to be stuck; a template that is has ended itself by then, but
# on a busy machine ten seconds of CPU may take a minute.
PATIENCE_S: Final = 60.0
FRAME_FIRST_S: Final = 0.15  # in which a page fetches its frame before preflight takes the CPU
_MOST_AGAIN: Final = 5  # builds in a row for one look, when saves keep coming

_log = logging.getLogger("broadsheet")
_T = TypeVar("_T")
Kind = Literal["issues", "outbox"]


class Seen(Struct, frozen=True, kw_only=True):
    """The last good look at something, and what is wrong with it now."""

    generation: int
    look: Look | None
    before: Look | None = None  # the one before it that was different
    problems: tuple[Problem, ...] = ()
    gone: bool = False  # the file was deleted or renamed
    checked: bool = True  # preflight had its say
    took_ms: float = 0


@dataclass
class Desk:
    """The open workspace. Its settings are read again when newsletter.toml changes."""

    open_app: Callable[[], App]
    file: Path | None = None  # one that is not in the folder of issues
    app: App = field(init=False)
    settings_problems: tuple[Problem, ...] = ()
    generation: int = 0  # of everything watched; each change makes a new one
    _findings: int = 0  # how often preflight had its say
    _settings: tuple[int, int] | None = None
    _seen: dict[tuple[Kind, str], Seen] = field(default_factory=dict)
    _checking: dict[tuple[Kind, str], asyncio.Task[None]] = field(default_factory=dict)
    _preview: Preview | None = None
    _shelf: Shelf | None = None
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _building: asyncio.Lock = field(default_factory=asyncio.Lock)
    _stuck: asyncio.Future[Any] | None = None
    _closed: bool = False

    def __post_init__(self) -> None:
        self.app = self.open_app()
        self._settings = self._settings_stamp()

    @property
    def version(self) -> str:
        """What a page shows; another one means that there is something new."""
        return f"{self.generation}.{self._findings}"

    @property
    def shelf(self) -> Shelf:
        """What there is to look at."""
        if self._shelf is None:
            self._shelf = self.app.shelf(self._files)
        return self._shelf

    @property
    def preview(self) -> Preview:
        """The operation; ConfigError if the settings do not allow one."""
        if self._preview is None:
            self._preview = self.app.preview()
        return self._preview

    async def change(self) -> None:
        """Note that something was saved, and tell who listens."""
        self.generation += 1
        await self._tell()

    async def close(self) -> None:
        """End every stream."""
        self._closed = True
        await self._tell()

    async def versions(self) -> AsyncIterator[str]:
        """Yield the version now, and each time it changes."""
        said = None
        while not self._closed:
            if said != self.version:
                said = self.version
                yield said
            async with self._news:
                await self._news.wait_for(lambda: self._closed or self.version != said)  # noqa: B023 - waited for at once

    async def at(self, kind: Kind, name: str, *, checked: bool = False) -> Seen | None:
        """Return the view of an issue file or an entry; None if there never was one of that name.

        Args:
            kind: which of the two.
            name: as the list shows it.
            checked: wait for preflight, too.
        """
        seen = await self._at(kind, name)
        if checked and (checking := self._checking.get((kind, name))):
            await asyncio.wait({checking})
            seen = self._seen.get((kind, name), seen)
        return seen

    async def call(self, work: Callable[[], _T]) -> _T:
        """Do something that takes time, one at a time and beside the loop.

        Raises:
            ConfigError: what came before it never ends.
        """
        async with self._building:
            if self._stuck is not None and not self._stuck.done():
                await self._wait(self._stuck)
            self._stuck = running = _in_thread(work)
            await self._wait(running)
            return running.result()

    async def _wait(self, running: asyncio.Future[Any]) -> None:
        done, _ = await asyncio.wait({running}, timeout=PATIENCE_S)
        if not done:
            raise ConfigError(
                f"a build takes longer than {PATIENCE_S:.0f} seconds; look for a loop in the "
                "template or in a plug-in, mend it and start `broadsheet preview` again"
            )

    async def _at(self, kind: Kind, name: str) -> Seen | None:
        for _ in range(_MOST_AGAIN):
            known = self._seen.get((kind, name))
            if known and known.generation == self.generation:
                return known
            generation = self.generation  # a save from here on makes this view an old one
            try:
                seen = await self.call(partial(self._look, kind, name, known))
            except ConfigError as error:
                seen = Seen(
                    generation=0, look=known.look if known else None, problems=explained(error)
                )
            if seen is None:
                return None
            seen = replace(seen, generation=generation)
            self._seen[kind, name] = seen
            if not seen.checked:
                self._checking[kind, name] = asyncio.create_task(self._check(kind, name, seen))
            if generation == self.generation:
                break
        return self._seen.get((kind, name))

    async def _check(self, kind: Kind, name: str, seen: Seen) -> None:
        """Let preflight have its say; the mail is shown without waiting for it."""
        assert seen.look is not None
        await asyncio.sleep(FRAME_FIRST_S)
        if self._seen.get((kind, name)) is not seen:
            return  # somebody saved again
        try:
            checked = replace(
                seen, look=await self.call(partial(self.preview.judged, seen.look)), checked=True
            )
        except Exception as error:  # noqa: BLE001 - a rule in the making must not end the studio
            checked = replace(seen, problems=_unforeseen(name, error), checked=True)
        if self._seen.get((kind, name)) is seen:
            self._seen[kind, name] = checked
            self._findings += 1
            await self._tell()

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    def _look(self, kind: Kind, name: str, known: Seen | None) -> Seen | None:
        """Look now; runs in the thread of builds."""
        last, before = (known.look, known.before) if known else (None, None)
        self._reopen()
        if self.settings_problems:
            return Seen(generation=0, look=last, before=before, problems=self.settings_problems)
        started = perf_counter()
        try:
            if kind == "outbox":
                if name not in self.app.outbox().ids():
                    return known and replace(known, gone=True, problems=())
                look = self.preview.entry(EntryId(name))
            else:
                file = self.shelf.issue_files().get(name)
                if file is None or not file.is_file():
                    return known and replace(known, gone=True, problems=())
                look = self.preview.file(file)
        except BroadsheetError as error:
            return Seen(generation=0, look=last, before=before, problems=explained(error))
        except Exception as error:  # noqa: BLE001 - a plug-in in the making must not end the studio
            return Seen(generation=0, look=last, before=before, problems=_unforeseen(name, error))
        if last and last.rendered.html != look.rendered.html:
            before = last
        took_ms = (perf_counter() - started) * 1000
        checked = look.composed is None
        return Seen(generation=0, look=look, before=before, checked=checked, took_ms=took_ms)

    def _reopen(self) -> None:
        """Read the settings again if they changed; what they said before stays if they broke."""
        stamp = self._settings_stamp()
        if stamp == self._settings:
            return
        self._settings = stamp
        try:
            self.app = self.open_app()
        except BroadsheetError as error:
            self.settings_problems = explained(error)
            return
        self.settings_problems = ()
        self._preview = self._shelf = None

    def _settings_stamp(self) -> tuple[int, int] | None:
        try:
            status = (self.app.root / FILE_NAME).stat()
        except (AttributeError, OSError):
            return None
        return status.st_mtime_ns, status.st_ino

    def _files(self) -> list[Path]:
        try:
            found = list(self.app.issue_files()) if self.app.has_workspace else []
        except ConfigError:
            found = []
        if self.file and self.file.resolve() not in {each.resolve() for each in found}:
            found.append(self.file)
        return found


def _unforeseen(name: str, error: Exception) -> tuple[Problem, ...]:
    """Return what a plug-in, or we, did wrong; the log has the traceback."""
    if isinstance(error, BroadsheetError):
        return explained(error)
    _log.error("the view of %s failed", name, exc_info=error)
    return (problem(f"{type(error).__name__}: {error}"),)


def _in_thread(work: Callable[[], _T]) -> asyncio.Future[_T]:
    """Start work in a thread that does not keep the program alive."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_T] = loop.create_future()

    def finish(settle: Callable[[], None]) -> None:
        # The loop may be gone, and nobody waits then.
        if not loop.is_closed():
            loop.call_soon_threadsafe(lambda: None if future.cancelled() else settle())

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
            finish(lambda error=error: future.set_exception(error))  # type: ignore[misc]
        else:
            finish(lambda: future.set_result(result))

    threading.Thread(target=run, name="preview", daemon=True).start()
    return future
