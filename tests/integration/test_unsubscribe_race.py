"""Whoever unsubscribes while a dispatch runs: nothing is started to them after their answer."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ctypes import c_bool, c_double
from multiprocessing.sharedctypes import RawArray, RawValue
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

import pytest

from pipeline import plugins
from pipeline.app import App
from pipeline.audience.tokens import Action, Tokens
from pipeline.delivery.report import Stop
from pipeline.model.audience import MailingList
from pipeline.model.delivery import Deferred, Outcome, Outgoing, RelayLimits
from pipeline.model.entry import EntryId
from pipeline.model.ports import StreamingSender, Work
from pipeline.model.subscriber import MAIN
from pipeline.operations.bearer import Bearers
from pipeline.operations.unsubscribe import Unsubscribe
from pipeline.settings import load
from pipeline.storage.notices import Notices
from tests.integration.newsroom import ENTRY, Audit, open_newsroom, sink_process

pytestmark = pytest.mark.integration

RACES: Final = 1000
READERS: Final = 4_000  # more than are reached while RACES people leave
AHEAD: Final = 5  # readers: so near to their turn is somebody when they leave
PATIENCE_S: Final = 600.0  # for a machine with much else to do


class Noted:
    """The work of a run, which notes for each reader when their START was asked for.

    Whether a message is started is decided in `start`, and its body leaves after it: a START that
    is asked for after the answer and granted is a mail to somebody who was told that they left.
    """

    def __init__(self, work: Work, asked_at: Any) -> None:
        self._work = work
        self._asked_at = asked_at  # seconds of the clock that all processes share; 0: never

    @property
    def backlog(self) -> int:
        """See `ports.Work.backlog`."""
        return self._work.backlog

    def take(self, relay: str) -> Outgoing | None:
        """See `ports.Work.take`."""
        return self._work.take(relay)

    async def more(self, relay: str) -> bool:
        """See `ports.Work.more`."""
        return await self._work.more(relay)

    def start(self, outgoing: Outgoing) -> bool:
        """See `ports.Work.start`."""
        now = monotonic()
        granted = self._work.start(outgoing)
        if granted:
            self._asked_at[number(outgoing.envelope.recipient)] = now
        return granted

    def settle(self, outgoing: Outgoing, outcome: Outcome, relay: str) -> None:
        """See `ports.Work.settle`."""
        self._work.settle(outgoing, outcome, relay)

    def put_back(self, outgoing: Outgoing, said: Deferred | None = None) -> None:
        """See `ports.Work.put_back`."""
        self._work.put_back(outgoing, said)

    def flush(self) -> None:
        """See `ports.Work.flush`."""
        self._work.flush()


class Noting:
    """The SMTP sender with its work noted."""

    def __init__(self, sender: StreamingSender, asked_at: Any) -> None:
        self._sender = sender
        self._asked_at = asked_at

    @property
    def limits(self) -> Mapping[str, RelayLimits]:
        """See `ports.StreamingSender.limits`."""
        return self._sender.limits

    async def carry(self, work: Work) -> None:
        """See `ports.StreamingSender.carry`."""
        await self._sender.carry(Noted(work, self._asked_at))


def number(address: str) -> int:
    """Return which reader has an address."""
    return int(address.partition("@")[0].removeprefix("reader"))


def open_app(folder: Path) -> App:
    """Open the workspace as a process of its own does."""
    return App(settings=load(folder, {}), root=folder, has_workspace=True)


def send(folder: Path, port: int, asked_at: Any, enough: Any) -> None:
    """Be the process that sends, until it is told that it is enough."""
    options = {"host": "127.0.0.1", "port": port, "connections": 4}
    sender = Noting(plugins.load("senders", "smtp")(options), asked_at)
    stop = lambda: Stop.DRAIN if enough.value else Stop.NO  # noqa: E731 - it is nothing more
    open_app(folder).send(sender)(EntryId(ENTRY), stop=stop)


@contextmanager
def sending(folder: Path, port: int, asked_at: Any) -> Iterator[None]:
    """Run the sender beside us; end it afterwards, by its own will."""
    enough = RawValue(c_bool, False)
    context = multiprocessing.get_context("fork")
    process = context.Process(target=send, args=(folder, port, asked_at, enough))
    process.start()
    try:
        yield
    finally:
        enough.value = True
        process.join(PATIENCE_S)
        if process.is_alive():
            process.kill()
            process.join()
    assert process.exitcode == 0


def leaving(app: App) -> Unsubscribe:
    """Return what the POST of an unsubscribe link calls."""
    bearers = Bearers(
        subscribers=app.subscribers,
        tokens=Tokens(app.keys),
        lists={MAIN: MailingList()},
        newsletter=app.newsletter,
    )
    return Unsubscribe(bearers=bearers, notices=Notices(app.database), clock=app.clock)


def test_nothing_is_started_after_the_answer(tmp_path: Path) -> None:
    """A thousand readers leave within a few messages of their turn.

    What the operation returns is sent as the 200, so its return is the earliest moment at which
    anybody could hold us to it. The readers who leave are those whose turn is next, so that some
    are just in time and some just too late: with only one of the two, nothing was raced.
    """
    audit = Audit(tmp_path / "audit")
    folder = tmp_path / "room"
    folder.mkdir()
    asked_at = RawArray(c_double, READERS)
    answered_at: dict[int, float] = {}
    dice = random.Random(8058)
    with sink_process(audit.file, "--delay", "0.01") as port:
        open_newsroom(folder, port=port, readers=READERS)
        app = open_app(folder)
        mint = Tokens(app.keys).minter(Action.UNSUBSCRIBE)
        tokens = {number(person.address): mint(person.id) for person in app.subscribers.all()}
        app.database.close()  # no connection crosses a fork
        leave = leaving(open_app(folder))
        with sending(folder, port, asked_at):
            front = 0  # readers are mailed in the order they came
            until = monotonic() + PATIENCE_S
            while len(answered_at) < RACES:
                assert monotonic() < until, f"only {len(answered_at)} races"
                while front + AHEAD < READERS and (asked_at[front] or front in answered_at):
                    front += 1
                reader = front + dice.randrange(dice.choice((2, AHEAD)))
                if not front or reader in answered_at:
                    sleep(0.001)
                    continue
                assert leave(tokens[reader])
                answered_at[reader] = monotonic()

    late = [n for n, at in answered_at.items() if asked_at[n] > at]
    in_time = [n for n in answered_at if not asked_at[n]]
    mailed = {number(address) for address in audit.copies()}
    assert late == []
    assert mailed.isdisjoint(in_time)
    assert len(in_time) > RACES // 100
    assert len(in_time) < RACES  # some message was begun while its reader was leaving
    assert len(mailed) > RACES // 20  # the sender was at work all the time
