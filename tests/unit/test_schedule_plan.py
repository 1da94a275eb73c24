"""Which approved issue leaves when, and what becomes of the others."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from pipeline.model.entry import EntryId
from pipeline.schedule.calendar import Occurrence, WeeklySlot
from pipeline.schedule.plan import Candidate, Decision, Missed, SendEntry, Skip, plan

SLOT = WeeklySlot(day="friday", time="09:00", zone="Europe/London")
SINCE = datetime(2026, 11, 16, tzinfo=UTC)
FIRST = Occurrence(key="2026-11-20T09:00", due_at=datetime(2026, 11, 20, 9, tzinfo=UTC))
SECOND = Occurrence(key="2026-11-27T09:00", due_at=datetime(2026, 11, 27, 9, tzinfo=UTC))
APPROVED = datetime(2026, 11, 17, tzinfo=UTC)


def candidate(
    entry: str,
    *,
    number: str | None = None,
    day: date | None = None,
    approved_at: datetime = APPROVED,
) -> Candidate:
    """Make an approved entry."""
    return Candidate(entry_id=EntryId(entry), number=number, date=day, approved_at=approved_at)


def decide(
    *candidates: Candidate,
    now: datetime = FIRST.due_at,
    recorded: tuple[str, ...] = (),
    catch_up: timedelta = timedelta(hours=24),
) -> tuple[Decision, ...]:
    """Plan for the Friday slot."""
    return plan(
        SLOT,
        since=SINCE,
        now=now,
        catch_up=catch_up,
        recorded=recorded,
        candidates=candidates,
    )


def test_nothing_is_decided_before_its_time() -> None:
    """A second before nine nothing has happened; at nine the issue leaves."""
    entry = candidate("a")

    assert decide(entry, now=FIRST.due_at - timedelta(seconds=1)) == ()
    assert decide(entry) == (SendEntry(FIRST, EntryId("a")),)


def test_a_recorded_occurrence_is_not_decided_again() -> None:
    """Asked twice, the plan answers once."""
    assert decide(candidate("a"), recorded=(FIRST.key,)) == ()


def test_an_empty_friday_is_skipped() -> None:
    """Nothing approved, nothing sent, and the reason is kept."""
    assert decide() == (Skip(FIRST, "no issue is approved"),)


def test_one_entry_leaves_at_one_occurrence() -> None:
    """Two approved issues leave on two Fridays, not together."""
    entries = (candidate("b"), candidate("a"))

    assert decide(*entries, now=SECOND.due_at, catch_up=timedelta(days=30)) == (
        SendEntry(FIRST, EntryId("a")),
        SendEntry(SECOND, EntryId("b")),
    )


@pytest.mark.parametrize(
    ("entries", "order"),
    [
        (
            [
                candidate("z", day=date(2026, 11, 18)),
                candidate("a", day=date(2026, 11, 19)),
                candidate("b"),
            ],
            ["z", "a", "b"],
        ),
        (
            [candidate("c", number="100"), candidate("b", number="91"), candidate("a")],
            ["b", "c", "a"],
        ),
        ([candidate("a", number="91b"), candidate("b", number="91")], ["b", "a"]),
        ([candidate("a", number="Year-end"), candidate("b", number="7")], ["b", "a"]),
        ([candidate("b", number="7"), candidate("a", number="7")], ["a", "b"]),
    ],
    ids=["date first", "then number", "suffixes", "words last", "then id"],
)
def test_the_next_issue_is_by_date_then_number_then_id(
    entries: list[Candidate], order: list[str]
) -> None:
    """Numbers count as numbers, and what has no date or number comes last."""
    for given in (entries, entries[::-1]):
        waiting = list(given)
        left = []
        while waiting:
            (decision,) = decide(*waiting)
            assert isinstance(decision, SendEntry)
            left.append(decision.entry_id)
            waiting = [entry for entry in waiting if entry.entry_id != decision.entry_id]

        assert left == order


def test_an_issue_waits_for_its_day() -> None:
    """An issue of the 27th does not leave on the 20th, and does not hold up others."""
    later = candidate("later", day=date(2026, 11, 27))

    assert decide(later) == (Skip(FIRST, "later waits for its day, 2026-11-27"),)
    assert decide(later, candidate("undated")) == (SendEntry(FIRST, EntryId("undated")),)
    assert decide(later, now=SECOND.due_at, recorded=(FIRST.key,)) == (
        SendEntry(SECOND, EntryId("later")),
    )


def test_its_day_is_that_of_the_slots_zone() -> None:
    """At nine on Friday in Auckland it is still Thursday in UTC."""
    slot = WeeklySlot(day="friday", time="09:00", zone="Pacific/Auckland")
    due = Occurrence(key="2026-11-20T09:00", due_at=datetime(2026, 11, 19, 20, tzinfo=UTC))

    assert plan(
        slot,
        since=SINCE,
        now=due.due_at,
        catch_up=timedelta(hours=24),
        recorded=(),
        candidates=[candidate("a", day=date(2026, 11, 20))],
    ) == (SendEntry(due, EntryId("a")),)


def test_an_issue_approved_after_the_hour_waits_for_the_next() -> None:
    """However late the machine wakes up, it decides as it would have done in time."""
    late = candidate("late", approved_at=FIRST.due_at + timedelta(minutes=10))

    assert decide(late, now=FIRST.due_at + timedelta(hours=2)) == (
        Skip(FIRST, "late was approved too late"),
    )
    assert decide(late, now=SECOND.due_at, recorded=(FIRST.key,)) == (
        SendEntry(SECOND, EntryId("late")),
    )


def test_a_late_issue_still_leaves_within_catch_up() -> None:
    """A machine that slept until noon sends at noon, due at nine."""
    now = FIRST.due_at + timedelta(hours=24)

    assert decide(candidate("a"), now=now) == (SendEntry(FIRST, EntryId("a")),)


def test_a_much_too_late_issue_is_a_persons_decision() -> None:
    """Past catch_up the entry is missed, named, and not taken for the next Friday."""
    now = FIRST.due_at + timedelta(hours=24, seconds=1)

    assert decide(candidate("a"), now=now) == (
        Missed(FIRST, EntryId("a"), "the time is past by more than 24 h"),
    )
    assert decide(candidate("a"), candidate("b"), now=SECOND.due_at) == (
        Missed(FIRST, EntryId("a"), "the time is past by more than 24 h"),
        SendEntry(SECOND, EntryId("b")),
    )


def test_earlier_fridays_are_nobodys_business() -> None:
    """A slot that came into force today does not reach into the past."""
    assert (
        plan(
            SLOT,
            since=FIRST.due_at,
            now=FIRST.due_at + timedelta(hours=1),
            catch_up=timedelta(hours=24),
            recorded=(),
            candidates=[candidate("a")],
        )
        == ()
    )
