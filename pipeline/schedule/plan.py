"""What a slot means for the approved issues: a pure decision an occurrence."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from typing import Final

from msgspec import Struct

from pipeline.model.entry import EntryId
from pipeline.schedule.calendar import Occurrence, WeeklySlot, due_between

_NUMBERS: Final = re.compile(r"(\d+)")


class Candidate(Struct, frozen=True, kw_only=True):
    """An approved entry that no dispatch was ever made of."""

    entry_id: EntryId
    number: str | None
    date: date | None  # of the issue; it waits for this day
    approved_at: datetime  # aware


class SendEntry(Struct, frozen=True):
    """Dispatch the entry, due at the occurrence."""

    occurrence: Occurrence
    entry_id: EntryId


class Skip(Struct, frozen=True):
    """Nothing leaves at the occurrence."""

    occurrence: Occurrence
    reason: str


class Missed(Struct, frozen=True):
    """The entry should have left too long ago; a person decides about it."""

    occurrence: Occurrence
    entry_id: EntryId
    reason: str


Decision = SendEntry | Skip | Missed


def plan(
    slot: WeeklySlot,
    *,
    since: datetime,
    now: datetime,
    catch_up: timedelta,
    recorded: Collection[str],
    candidates: Iterable[Candidate],
) -> tuple[Decision, ...]:
    """Decide every occurrence that has come due and was not decided before.

    Pure. The answer for an occurrence does not depend on how late it is asked for, but for
    `catch_up`: an issue approved after nine o'clock waits for the next turn, whether or not a
    machine was awake at nine. Record all decisions in one transaction, then each is made once.

    Args:
        slot: when issues leave.
        since: when the slot came into force, or the last decided occurrence; aware. Earlier
            occurrences are nobody's business.
        now: aware.
        catch_up: how late an issue may still leave.
        recorded: keys of the occurrences decided before.
        candidates: approved entries without a dispatch, in any order.

    Returns:
        One decision an occurrence, oldest first; no entry appears twice.
    """
    waiting = sorted(candidates, key=_turn)
    decisions: list[Decision] = []
    for occurrence in due_between(slot, since, now):
        if occurrence.key in recorded:
            continue
        ready = next((entry for entry in waiting if _ready(entry, occurrence)), None)
        if ready is None:
            decisions.append(Skip(occurrence, _why_none(waiting, occurrence)))
            continue
        waiting.remove(ready)
        if now - occurrence.due_at > catch_up:
            decisions.append(Missed(occurrence, ready.entry_id, _too_late(catch_up)))
        else:
            decisions.append(SendEntry(occurrence, ready.entry_id))
    return tuple(decisions)


def _turn(candidate: Candidate) -> tuple[object, ...]:
    """Order by date, then number, then id; what has no date or number comes after what has."""
    return (
        (candidate.date is None, candidate.date or date.min),
        (candidate.number is None, _natural(candidate.number or "")),
        candidate.entry_id,
    )


def _natural(number: str) -> tuple[tuple[int, int, str], ...]:
    """Let 9 come before 91, 91 before 91b, and numbers before words."""
    parts = (part for part in _NUMBERS.split(number.casefold()) if part)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def _ready(candidate: Candidate, occurrence: Occurrence) -> bool:
    return candidate.approved_at <= occurrence.due_at and not _waits(candidate, occurrence)


def _waits(candidate: Candidate, occurrence: Occurrence) -> bool:
    day = date.fromisoformat(occurrence.key.partition("T")[0])
    return candidate.date is not None and candidate.date > day


def _why_none(waiting: list[Candidate], occurrence: Occurrence) -> str:
    if not waiting:
        return "no issue is approved"
    candidate = waiting[0]
    if _waits(candidate, occurrence):
        return f"{candidate.entry_id} waits for its day, {candidate.date}"
    return f"{candidate.entry_id} was approved too late"


def _too_late(catch_up: timedelta) -> str:
    return f"the time is past by more than {catch_up / timedelta(hours=1):g} h"
