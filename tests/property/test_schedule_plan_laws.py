"""A simulated year of a weekly newsletter, whatever the zone and whenever the clock ticks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, cycle, islice
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.entry import EntryId
from pipeline.schedule.calendar import WeeklySlot, due_between, occurrences
from pipeline.schedule.plan import Candidate, Decision, SendEntry, Skip, plan
from pipeline.schedule.zones import WEEKDAYS, time_zone

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
YEAR: Final = timedelta(days=365)  # both changes of the clock, in either hemisphere
TICKS: Final = 60
CATCH_UP: Final = timedelta(hours=24)
ZONES: Final = (
    *("Europe/London", "America/New_York", "Australia/Lord_Howe", "America/Santiago"),
    *("Asia/Kolkata", "Pacific/Kiritimati", "Pacific/Auckland", "UTC"),
)

SLOTS = st.builds(
    WeeklySlot,
    day=st.sampled_from(WEEKDAYS),
    time=st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 59])),
    zone=st.sampled_from(ZONES),
)
CANDIDATES = st.lists(
    st.builds(
        Candidate,
        entry_id=st.integers(0, 999).map(lambda n: EntryId(f"e{n}")),
        number=st.none() | st.integers(0, 99).map(str),
        date=st.none() | st.dates(date(2026, 1, 1), date(2026, 12, 31)),
        approved_at=st.integers(0, 364).map(lambda day: START + timedelta(days=day, hours=1)),
    ),
    unique_by=lambda candidate: candidate.entry_id,
    max_size=20,
)
GAPS = st.lists(st.integers(1, 14 * 24 * 60), min_size=1, max_size=TICKS)  # minutes


def simulate(
    slot: WeeklySlot,
    candidates: list[Candidate],
    ticks: list[datetime],
    *,
    since: datetime = START,
) -> list[tuple[datetime, Decision]]:
    """Tick through time as the operation does: decide, record, never offer an entry again."""
    recorded: set[str] = set()
    used: set[EntryId] = set()
    decided: list[tuple[datetime, Decision]] = []
    for now in ticks:
        approved = [
            one for one in candidates if one.approved_at <= now and one.entry_id not in used
        ]
        for decision in plan(
            slot,
            since=since,
            now=now,
            catch_up=CATCH_UP,
            recorded=recorded,
            candidates=approved,
        ):
            decided.append((now, decision))
            recorded.add(decision.occurrence.key)
            if not isinstance(decision, Skip):
                used.add(decision.entry_id)
    return decided


def moments(gaps: list[int]) -> list[datetime]:
    """Repeat the gaps for TICKS ticks or a year, then sleep until its end."""
    minutes = accumulate(islice(cycle(gaps), TICKS))
    ticks = (START + timedelta(minutes=total) for total in minutes)
    return [*(tick for tick in ticks if tick < START + YEAR), START + YEAR]


@settings(max_examples=25)
@given(slot=SLOTS, candidates=CANDIDATES, gaps=GAPS)
def test_a_year_decides_everything_once(
    slot: WeeklySlot, candidates: list[Candidate], gaps: list[int]
) -> None:
    """Each occurrence is decided once, no entry leaves twice, early, or too late."""
    decided = simulate(slot, candidates, moments(gaps))

    keys = [decision.occurrence.key for _, decision in decided]
    assert keys == [one.key for one in due_between(slot, START, START + YEAR)]
    assert len(set(keys)) == len(keys)
    assert len(keys) in {52, 53}
    entries = [decision.entry_id for _, decision in decided if not isinstance(decision, Skip)]
    assert len(set(entries)) == len(entries)
    by_id = {one.entry_id: one for one in candidates}
    for now, decision in decided:
        late = now - decision.occurrence.due_at
        assert late >= timedelta()
        if isinstance(decision, Skip):
            continue
        entry = by_id[decision.entry_id]
        day = date.fromisoformat(decision.occurrence.key[:10])
        assert entry.date is None or entry.date <= day
        assert entry.approved_at <= decision.occurrence.due_at
        assert isinstance(decision, SendEntry) == (late <= CATCH_UP)


@settings(max_examples=25)
@given(slot=SLOTS, candidates=CANDIDATES, gaps=GAPS)
def test_how_often_the_clock_ticks_decides_nothing(
    slot: WeeklySlot, candidates: list[Candidate], gaps: list[int]
) -> None:
    """Ticking at random or once at the end takes the same entries at the same occurrences."""

    def taken(decided: list[tuple[datetime, Decision]]) -> dict[str, EntryId | None]:
        return {
            decision.occurrence.key: None if isinstance(decision, Skip) else decision.entry_id
            for _, decision in decided
        }

    often = simulate(slot, candidates, moments(gaps))
    once = simulate(slot, candidates, [START + YEAR])

    assert taken(often) == taken(once)


@settings(max_examples=10)
@given(slot=SLOTS, gaps=GAPS)
def test_a_year_without_issues_sends_nothing(slot: WeeklySlot, gaps: list[int]) -> None:
    """Every empty occurrence is a skip with its reason."""
    decisions = {type(decision) for _, decision in simulate(slot, [], moments(gaps))}

    assert decisions == {Skip}


@given(slot=SLOTS, after=st.datetimes(datetime(2026, 1, 1), datetime(2027, 6, 1)))  # noqa: DTZ001 - Hypothesis wants naive bounds
def test_an_occurrence_is_at_its_wall_time(slot: WeeklySlot, after: datetime) -> None:
    """Weekday and time are the slot's; only a skipped time shows another clock, within an hour."""
    moment = after.replace(tzinfo=UTC)

    (found,) = occurrences(slot, moment, 1)

    named = datetime.fromisoformat(found.key)
    shown = found.due_at.astimezone(time_zone(slot.zone)).replace(tzinfo=None)
    assert WEEKDAYS[named.weekday()] == slot.day
    assert found.key.endswith(f"T{slot.time}")
    assert shown - named in {timedelta(), timedelta(minutes=30), timedelta(hours=1)}
    assert timedelta() < found.due_at - moment <= timedelta(days=7, hours=1)


def test_two_issues_leave_on_two_fridays_across_the_october_change() -> None:
    """Nine o'clock in London is 08:00 UTC on the 23rd and 09:00 UTC on the 30th."""
    slot = WeeklySlot(day="friday", time="09:00", zone="Europe/London")
    approved_at = datetime(2026, 10, 19, 12, tzinfo=UTC)
    first, second = (
        Candidate(entry_id=EntryId(name), number=number, date=None, approved_at=approved_at)
        for name, number in (("harbour-92", "92"), ("harbour-91", "91"))
    )
    ticks = [approved_at + timedelta(minutes=30 * n) for n in range(21 * 48)]

    decided = simulate(slot, [first, second], ticks, since=approved_at)

    shown = [
        (now, decision.entry_id if isinstance(decision, SendEntry) else type(decision))
        for now, decision in decided
    ]
    assert shown == [
        (datetime(2026, 10, 23, 8, tzinfo=UTC), "harbour-91"),
        (datetime(2026, 10, 30, 9, tzinfo=UTC), "harbour-92"),
        (datetime(2026, 11, 6, 9, tzinfo=UTC), Skip),
    ]
