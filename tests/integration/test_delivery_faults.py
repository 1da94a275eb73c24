from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.delivery.loop import deliver
from pipeline.delivery.report import Report
from pipeline.model.delivery import Claim, DeliveryStatus, Envelope, RetryPolicy
from pipeline.model.dispatch import DispatchId
from pipeline.senders import smtp
from pipeline.testing.ledger import MemoryLedger
from pipeline.testing.plan import (
    At,
    Each,
    Plan,
    Rule,
    close_after,
    cut_at_dot,
    greylist,
    refuse,
)
from pipeline.testing.sink import SmtpSink

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
READERS = tuple(
    f"{kind}{number}@example.org"
    for number in range(40)
    for kind in ("good", "grey", "gone", "full", "odd")
)
CHAOS = Plan(
    rules=(
        cut_at_dot(keep=True, times=3, skip=20),
        cut_at_dot(keep=False, times=3, skip=60),
        Rule(at=At.DATA, reply=b"", skip=90, times=1, drop=True),
        Rule(at=At.MAIL, reply="421 4.3.2 restarting", skip=33, times=1, drop=True),
        close_after(7),
        refuse("gone*"),
        greylist(2),
        Rule(at=At.DOT, reply="452 4.3.1 disk full", recipient="full*", each=Each.RECIPIENT),
    )
)


def run(ledger: MemoryLedger, dispatch: DispatchId, sink: SmtpSink, now: datetime) -> Report:
    """Send what is due at a moment."""

    def message_for(claim: Claim) -> tuple[Envelope, bytes]:
        header = f"Message-ID: <{claim.delivery}@news.example.org>\r\n\r\n"
        return Envelope("bounces@news.example.org", claim.address), header.encode()

    return deliver(
        dispatch,
        ledger=ledger,
        sender=smtp.build({"host": sink.host, "port": sink.port}),
        message_for=message_for,
        policy=RetryPolicy(),
        clock=lambda: now,
        stop=lambda: False,
        progress=lambda _: None,
    )


def test_every_reader_ends_somewhere_and_the_books_balance() -> None:
    """Refused, greylisted, cut off and sent away: in the end each has one place and one copy."""
    ledger = MemoryLedger()
    dispatch = ledger.prepare(READERS)
    with SmtpSink(CHAOS) as sink:
        for hours in range(0, 24 * 5, 4):
            report = run(ledger, dispatch, sink, NOW + timedelta(hours=hours))
            assert report.paused_reason is None
    statuses = ledger.statuses(dispatch)
    arrived = Counter(message.recipient for message in sink.messages)

    def those(status: DeliveryStatus) -> set[str]:
        return {reader for reader, stands in statuses.items() if stands is status}

    accepted, uncertain = those(DeliveryStatus.ACCEPTED), those(DeliveryStatus.UNCERTAIN)
    refused = those(DeliveryStatus.REFUSED)
    assert accepted | uncertain | refused == set(READERS)
    assert refused <= {reader for reader in READERS if reader.startswith(("gone", "full"))}
    assert max(arrived.values()) == 1
    assert len(uncertain) == 6
    assert set(arrived) - accepted == {who for who in uncertain if arrived[who]}
    assert len(set(arrived) - accepted) == 3
    assert accepted <= set(arrived)


def test_an_outage_resumes_where_it_was() -> None:
    """A relay that closes in the middle costs nobody a message, an attempt or a second copy."""
    ledger = MemoryLedger()
    dispatch = ledger.prepare(READERS)
    closing = Rule(at=At.MAIL, reply="421 4.3.2 restarting", skip=50, times=4, drop=True)
    with SmtpSink(Plan(rules=(closing,))) as sink:
        reports = [run(ledger, dispatch, sink, NOW) for _ in range(3)]

    assert [report.put_back for report in reports] == [1, 1, 0]
    assert "421 4.3.2 restarting" in (reports[0].paused_reason or "")
    assert reports[0].sender_fault is False
    assert Counter(message.recipient for message in sink.messages) == Counter(READERS)


def test_a_relay_that_hates_the_issue_blames_nobody() -> None:
    """Content refused for everybody pauses after five, and all are still to be sent."""
    ledger = MemoryLedger()
    dispatch = ledger.prepare(READERS)
    with SmtpSink(Plan(rules=(Rule(at=At.DOT, reply="554 5.6.0 looks like spam"),))) as sink:
        report = run(ledger, dispatch, sink, NOW)

    assert (report.put_back, report.sender_fault) == (5, True)
    assert set(ledger.statuses(dispatch).values()) == {DeliveryStatus.PENDING}
