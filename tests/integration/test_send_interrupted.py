"""`broadsheet send`, told to stop, started twice, or started again."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.delivery.lock import DispatchLock
from pipeline.testing.plan import At, Plan, Rule
from pipeline.testing.sink import SmtpSink
from tests.integration.machine import wait_for
from tests.integration.newsroom import Audit, Newsroom, open_newsroom, sink_process

pytestmark = pytest.mark.integration

READERS = 400
SEND = ("send", "001", "--confirm")


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    """What the mail server wrote down before it answered."""
    return Audit(tmp_path / "audit.jsonl")


@pytest.fixture
def newsroom(tmp_path: Path, audit: Audit) -> Iterator[Newsroom]:
    """READERS readers behind a mail server that takes a while over each message."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    with sink_process(audit.file, "--delay", "0.05") as port:
        yield open_newsroom(folder, port=port, readers=READERS)


def test_sigterm_finishes_the_messages_in_hand(newsroom: Newsroom, audit: Audit) -> None:
    """Told to stop, it leaves nobody uncertain, says 143, and the next run serves the rest."""
    with newsroom.start(*SEND, str(READERS)) as send:
        wait_for(lambda: audit.count() >= 5, "some messages are there")
        send.terminate()
        code = send.wait()
    row = newsroom.dispatch()

    assert row is not None
    assert code == 143
    assert row["uncertain"] == row["sending"] == 0
    assert row["accepted"] == audit.count() < READERS

    assert newsroom.run(*SEND, str(newsroom.still_open())).returncode == 0
    assert set(audit.copies().values()) == {1}
    assert len(audit.copies()) == READERS


def test_a_pause_of_the_whole_process_costs_nobody_anything(
    newsroom: Newsroom, audit: Audit
) -> None:
    """Stopped and continued as a laptop's lid does it, it goes on: one copy each."""
    with newsroom.start(*SEND, str(READERS)) as send:
        wait_for(lambda: audit.count() >= 5, "some messages are there")
        send.send_signal(signal.SIGSTOP)
        state = Path(f"/proc/{send.pid}/stat")
        wait_for(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", "it stands still")
        send.send_signal(signal.SIGCONT)
        code = send.wait()

    assert code == 0
    assert set(audit.copies().values()) == {1}
    assert len(audit.copies()) == READERS


def test_the_second_of_two_senders_is_refused(newsroom: Newsroom, audit: Audit) -> None:
    """Exit 7 while this process has the dispatch, naming it; afterwards everybody gets one."""
    assert newsroom.run("schedule", "001", "--at", "in 1h").returncode == 0
    with DispatchLock(newsroom.folder / "data" / "locks" / "dispatch-1.lock"):
        second = newsroom.run(*SEND, str(READERS))
    third = newsroom.run(*SEND, str(READERS))

    assert second.returncode == 7
    assert str(os.getpid()) in second.stderr
    assert third.returncode == 0
    assert set(audit.copies().values()) == {1}
    assert len(audit.copies()) == READERS


def test_two_senders_started_together_share_nothing(newsroom: Newsroom, audit: Audit) -> None:
    """One of them sends and the other is turned away, however they race."""
    with newsroom.start(*SEND, str(READERS)) as a, newsroom.start(*SEND, str(READERS)) as b:
        codes = sorted(each.wait() for each in (a, b))

    assert codes[0] == 0
    assert codes[1] != 0
    assert set(audit.copies().values()) == {1}
    assert len(audit.copies()) == READERS


@pytest.mark.parametrize(("policy", "copies"), [("hold", 1), ("resend", 2)])
def test_an_answer_that_got_lost_is_held_or_sent_again(
    tmp_path: Path, policy: str, copies: int
) -> None:
    """Hold names them and sends nothing twice; resend sends one more, under the same Message-ID."""
    lost = Rule(at=At.DOT, reply=b"", recipient="reader1?@*", times=10, keep=True, drop=True)
    with SmtpSink(Plan(rules=(lost,))) as sink:
        tables = f'[delivery]\nuncertain = "{policy}"\nretry_after = ["0s"]\n'
        newsroom = open_newsroom(tmp_path, port=sink.port, readers=60, tables=tables)
        codes = [newsroom.run(*SEND, "60").returncode]
        while newsroom.still_open():
            codes.append(newsroom.run(*SEND, str(newsroom.still_open())).returncode)
        row = newsroom.dispatch()

    came = Counter(message.recipient for message in sink.messages)
    ids = {(message.recipient, message.message_id) for message in sink.messages}
    assert row is not None
    assert row["uncertain"] == (10 if policy == "hold" else 0)
    assert row["accepted"] == 60 - row["uncertain"]
    assert {came[f"reader1{n}@example.org"] for n in range(10)} == {copies}
    assert sum(came.values()) == 60 + 10 * (copies - 1)
    assert len(ids) == 60


def test_a_second_sigterm_waits_for_nothing(newsroom: Newsroom, audit: Audit) -> None:
    """Who had a message on the wire is uncertain, at most one a connection; nobody else is."""
    with newsroom.start(*SEND, str(READERS)) as send:
        wait_for(lambda: audit.count() >= 5, "some messages are there")
        send.terminate()
        send.terminate()
        code = send.wait()
    row = newsroom.dispatch()

    assert row is not None
    assert code == 143
    assert row["balances"]
    assert row["uncertain"] <= 10
    assert row["accepted"] <= audit.count() <= row["accepted"] + row["uncertain"]


def test_status_adds_up_while_it_sends(newsroom: Newsroom, audit: Audit) -> None:
    """Whoever looks in the middle sees everybody once."""
    statuses = ("pending", "deferred", "accepted", "refused", "uncertain", "left_out")
    looks = 0
    with newsroom.start(*SEND, str(READERS)) as send:
        wait_for(lambda: audit.count() >= 5, "some messages are there")
        while send.poll() is None:
            row = newsroom.dispatch()
            assert row is not None
            assert row["balances"]
            assert sum(row[status] for status in statuses) + row["excluded"] == READERS
            looks += 1

    assert looks > 0
    assert send.returncode == 0


def test_a_pause_and_an_unsubscription_reach_a_sender_at_work(tmp_path: Path) -> None:
    """Paused from another terminal it begins nothing; who left by then gets nothing afterwards."""
    # Slow for so long that the other terminal comes in time, and quick once it has.
    slow = Rule(at=At.DOT, delay_s=0.5, times=100)
    with SmtpSink(Plan(rules=(slow,))) as sink:
        newsroom = open_newsroom(tmp_path, port=sink.port, readers=READERS)
        with newsroom.start(*SEND, str(READERS)) as send:
            wait_for(lambda: len(sink.messages) >= 5, "some messages are there")
            newsroom.tell("pause", "1")
            send.wait()
        row, before = newsroom.dispatch(), len(sink.messages)
        assert row is not None
        assert row["state"] == "paused"
        assert row["accepted"] == before < READERS
        waiting = [
            each["address"] for each in newsroom.deliveries() if each["status"] == "pending"
        ]
        newsroom.tell("subscribers", "remove", waiting[-1])
        newsroom.tell("resume", "1")
        assert newsroom.run(*SEND, str(newsroom.still_open())).returncode == 0
    copies = Counter(message.recipient for message in sink.messages)

    assert set(copies.values()) == {1}
    assert set(copies) == {each["address"] for each in newsroom.deliveries()} - {waiting[-1]}


def test_cancelled_and_sent_anew_nobody_gets_a_second_one(
    newsroom: Newsroom, audit: Audit
) -> None:
    """A new dispatch of the same entry leaves out whom the killed and cancelled one reached."""
    with newsroom.start(*SEND, str(READERS)):
        wait_for(lambda: audit.count() >= 5, "some messages are there")
    assert newsroom.run("cancel", "1", "--yes").returncode == 0
    again = newsroom.run("send", "001", "--dry-run")
    people = int(again.stderr.split(" people")[0].split()[-1])
    assert newsroom.run(*SEND, str(people)).returncode == 0

    assert set(audit.copies().values()) == {1}
    assert READERS - 10 <= len(audit.copies()) <= READERS
