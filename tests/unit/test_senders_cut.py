from __future__ import annotations

import asyncio
import math

import pytest

from pipeline.errors import SenderUnavailable
from pipeline.model.delivery import Accepted, Outcome, Unanswered
from pipeline.senders.smtp.options import Deadlines
from pipeline.testing.plan import (
    At,
    Plan,
    Rule,
    close_after,
    cut_after,
    cut_at_dot,
    cut_at_end,
    cut_in_body,
    stop_reading,
)
from pipeline.testing.sink import SmtpSink
from tests.unit.relays import (
    LONG,
    LOOPS,
    MESSAGE,
    Run,
    Watched,
    carry,
    readers,
    send,
    sender_to,
    work_for,
)

MIDDLING = MESSAGE + b"0123456789 abcdef\r\n" * 2000  # one block, and all of it in the kernel


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Give each of the two event loops."""
    return LOOPS[request.param]


def kinds(outcomes: list[Outcome | None]) -> set[type[Outcome | None]]:
    """Return what kinds of outcomes there are."""
    return {type(outcome) for outcome in outcomes}


@pytest.mark.parametrize("after_bytes", [1, 1000, 5_000_000])
def test_a_long_message_cut_off_is_sent_again(run: Run, after_bytes: int) -> None:
    """If the kernel never got the final dot, another connection carries the message."""
    with SmtpSink(Plan(rules=(cut_in_body(after_bytes),))) as sink:
        outcomes = send(sender_to(sink), "ada@example.org", message=LONG, run=run)

    assert outcomes == [Accepted(250, "2.0.0 taken")]
    assert [got.connection for got in sink.messages] == [2]


def test_a_message_cut_off_each_time_closes_the_way_out() -> None:
    """Connections that die under the same message, again and again, are an outage."""
    work = work_for("ada@example.org", message=LONG)
    with (
        SmtpSink(Plan(rules=(cut_in_body(1000, times=None),))) as sink,
        pytest.raises(SenderUnavailable),
    ):
        carry(sender_to(sink), work)

    assert sink.messages == ()
    assert (len(work.waiting), work.in_hand, work.outcomes) == (1, set(), {})


@pytest.mark.parametrize(
    "cut",
    [
        *(cut_in_body(after) for after in (1, 100, 20_000, len(MIDDLING) - 1)),
        cut_at_end(),
        cut_at_dot(keep=False),
        cut_at_dot(keep=True),
        *(cut_after(received) for received in (1, 30, 80, 120, 200, 20_000)),
    ],
)
def test_a_cut_loses_nobody_and_repeats_nothing(run: Run, cut: Rule) -> None:
    """Wherever a line is cut, everybody has it once, but for those nobody knows about."""
    work = work_for(*readers(40), message=MIDDLING)
    with SmtpSink(Plan(rules=(cut,))) as sink:
        outcomes = carry(sender_to(sink, connections=3), work, run)

    got = [message.recipient for message in sink.messages]
    accepted = [
        outgoing.envelope.recipient
        for outgoing, outcome in zip(work.listed, outcomes, strict=True)
        if isinstance(outcome, Accepted)
    ]
    assert len(set(got)) == len(got)
    assert set(accepted) <= set(got)
    assert outcomes.count(None) == 0
    assert len(outcomes) - len(accepted) <= 1


@pytest.mark.parametrize("at", [At.MAIL, At.RCPT, At.DATA])
@pytest.mark.parametrize("pipelining", ["auto", "off"])
def test_a_line_cut_before_the_message_is_mended(at: At, pipelining: str) -> None:
    """A connection that dies before DATA is answered certainly carried nothing."""
    with SmtpSink(Plan(rules=(Rule(at=at, reply=b"", times=1, drop=True, reset=True),))) as sink:
        outcomes = send(sender_to(sink, pipelining=pipelining), *readers(3))

    assert kinds(outcomes) == {Accepted}
    assert len(sink.messages) == 3


@pytest.mark.parametrize("n", [1, 2, 5, 50])
@pytest.mark.parametrize("pipelining", ["auto", "off"])
def test_421_costs_a_connection_and_nothing_else(n: int, pipelining: str) -> None:
    """A server that leaves after n messages gets all of them, each once, and is learned from."""
    work = work_for(*readers(2 * n + 9))
    with SmtpSink(Plan(rules=(close_after(n),))) as sink:
        outcomes = carry(sender_to(sink, connections=1, pipelining=pipelining), work)

    assert kinds(outcomes) == {Accepted}
    assert len({got.recipient for got in sink.messages}) == len(sink.messages) == 2 * n + 9
    assert sum(work.returns.values()) == 1  # only the first connection was asked for too much


def test_a_server_that_drops_each_connection_at_the_dot_is_soon_left_alone() -> None:
    """Each try makes a delivery uncertain, so there are as few as the waits allow."""
    work = work_for(*readers(50))
    with (
        SmtpSink(Plan(rules=(cut_at_dot(keep=False, times=None),))) as sink,
        pytest.raises(SenderUnavailable, match="closed the connection"),
    ):
        carry(sender_to(sink, connections=1), work)

    assert kinds(work.results) == {Unanswered, type(None)}
    assert len(work.outcomes) == 3  # one, and one after each of two waits
    assert len(work.waiting) == 47


def test_a_server_that_reads_nothing_meets_its_deadline(run: Run) -> None:
    """A closed window does not hold a message for ever, and the message did not leave."""
    plan = Plan(rules=(stop_reading(1, times=None),), window_bytes=4096)
    work = work_for("ada@example.org", message=LONG)
    with SmtpSink(plan) as sink, pytest.raises(SenderUnavailable, match="took too long"):
        carry(sender_to(sink, deadlines=Deadlines(block=0.2)), work, run)

    assert sink.messages == ()
    assert (len(work.waiting), work.outcomes) == (1, {})


def test_a_connection_that_stands_still_does_not_hold_up_the_others(run: Run) -> None:
    """One closed window costs one connection; its message arrives over another."""
    plan = Plan(rules=(stop_reading(1, times=1),), window_bytes=4096)
    with SmtpSink(plan) as sink:
        outcomes = send(
            sender_to(sink, connections=3, deadlines=Deadlines(block=1.5)),
            *readers(12),
            message=LONG[:3_000_000],
            run=run,
        )

    assert kinds(outcomes) == {Accepted}
    assert len({got.recipient for got in sink.messages}) == len(sink.messages) == 12


def test_a_short_message_that_the_kernel_kept_is_put_back(run: Run) -> None:
    """Our own deadline looks into the buffer: what follows the dot is not all that is in it."""
    plan = Plan(rules=(stop_reading(0, times=1),), window_bytes=2048)
    work = work_for("ada@example.org", "bob@example.org", message=LONG[:60_000])
    with SmtpSink(plan) as sink:
        sender = sender_to(sink, connections=1, deadlines=Deadlines(block=1.0, dot=1.0))
        outcomes = carry(sender, work, run)

    assert len({got.recipient for got in sink.messages}) == len(sink.messages)
    assert [type(outcome) for outcome in outcomes] in (
        [Accepted, Accepted],  # the kernel's own buffer was too small for it
        [Unanswered, Accepted],
    )


def test_a_cancelled_run_gives_everything_back_at_once(run: Run) -> None:
    """Who was behind the dot is unanswered, whoever was not is put back, the rest waits."""
    fourth = asyncio.Event()

    def look(number: int) -> bool:
        if number == 3:
            fourth.set()
        return True

    work = Watched(work_for(*readers(20)).listed, look)
    silent = Rule(at=At.DOT, skip=3, delay_s=math.inf)

    async def cancel_after_the_fourth() -> None:
        task = asyncio.ensure_future(sender_to(sink, connections=1).carry(work))
        await fourth.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with SmtpSink(Plan(rules=(silent,))) as sink:
        run(cancel_after_the_fourth())

    assert [type(outcome) for outcome in work.results[:4]] == [Accepted] * 3 + [Unanswered]
    assert (len(work.waiting), work.in_hand) == (16, set())


def test_a_body_that_must_not_leave_does_not(run: Run) -> None:
    """When START says no after the 354, the connection ends and the others are carried."""
    work = Watched(work_for(*readers(9)).listed, lambda number: number != 4)
    with SmtpSink() as sink:
        outcomes = carry(sender_to(sink, connections=1), work, run)

    (left_out,) = work.kept
    assert outcomes.count(None) == 1
    assert left_out.envelope.recipient not in {got.recipient for got in sink.messages}
    assert len(sink.messages) == 8
    assert [got.connection for got in sink.messages] == [1] * 4 + [2] * 4


def test_an_error_of_ours_ends_the_run_and_shows() -> None:
    """What fails in a callback is not swallowed by the event loop; nothing stays in hand."""

    def look(number: int) -> bool:
        if number == 5:
            raise ZeroDivisionError
        return True

    work = Watched(work_for(*readers(20)).listed, look)
    with SmtpSink() as sink, pytest.raises(ZeroDivisionError):
        carry(sender_to(sink, connections=1), work)

    assert len(sink.messages) == 5
