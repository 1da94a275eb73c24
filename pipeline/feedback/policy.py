"""What follows for a reader from what came back; issues are counted, not bounces."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from msgspec import Struct

from pipeline.model.dispatch import DispatchId
from pipeline.model.feedback import Feedback, FeedbackKind
from pipeline.model.issue_fate import IssueFate
from pipeline.model.subscriber import SuppressionReason

_SCORED: Final = {FeedbackKind.MAILBOX, FeedbackKind.TRANSIENT, FeedbackKind.UNKNOWN}
# A weekly issue leaves an hour earlier in summer, and some minutes later on a slow day.
_SLACK: Final = timedelta(hours=12)

# Readers go one by one. Where many are unknown at once, it is their server that lost its list.
_CROWD: Final = 20  # hard refusals at one domain
_ENOUGH: Final = 200  # attempts, to judge a whole dispatch by
_ONE_IN: Final = 20  # attempts; more hard refusals than that are too many


class FeedbackRules(Struct, frozen=True, kw_only=True):
    """When an address is given up; all counts are 1 or more."""

    hard: int = 1  # days with a hard bounce that a program can read
    hard_in_words: int = 2  # days with one, if this one is prose
    in_a_row: int = 3  # bounced issues, none that arrived among them ...
    over: timedelta = timedelta(days=14)  # ... from the first to the last of them
    issues: int = 5  # or issues a mailbox sent back, none that arrived among them ...
    window: timedelta = timedelta(days=90)  # ... in this time
    # Servers try for days before they send a mail back: until then no issue has arrived.
    arrived_after: timedelta = timedelta(days=5)


class Decision(Struct, frozen=True, kw_only=True):
    """What to do, and why."""

    note: str  # one line for a person
    counted: bool = False  # it weighs in later decisions
    suppress: SuppressionReason | None = None
    unsubscribe: bool = False  # from the list it is about
    doubted: bool = False  # too many were refused at once: the operator should hear of it


class Tally(NamedTuple):
    """How a dispatch fared at one domain, or at all of them."""

    hard: int  # deliveries that were refused as to nobody
    attempted: int  # deliveries that were tried


def decide(
    history: Sequence[IssueFate],
    feedback: Feedback,
    *,
    proven: bool,
    by_link: bool = False,
    issue: DispatchId | None,
    now: datetime,
    rules: FeedbackRules,
) -> Decision:
    """Return what follows from one verdict.

    Pure: no clock, no storage. What is not proven changes nobody, whatever it says.

    Args:
        history: what became of issues to this reader before, the oldest first.
        feedback: the verdict.
        proven: a token of ours says whom it is about.
        by_link: that is the token of an unsubscribe link, and nothing else vouches for it.
        issue: the dispatch that came back, if that is known; it counts once.
        now: aware, UTC.
        rules: the numbers.
    """
    kind = feedback.kind
    if not proven:
        return Decision(note="nothing in it proves whom it is about")
    if kind is FeedbackKind.COMPLAINT and by_link:
        # Whoever was forwarded a mail has its link, and could shut its reader out for good.
        return Decision(
            note="a complaint with no more than a link leaves the list", unsubscribe=True
        )
    if kind is FeedbackKind.COMPLAINT:
        return Decision(
            note="a complaint ends it for good",
            counted=True,
            suppress=SuppressionReason.COMPLAINED,
        )
    if kind is FeedbackKind.UNSUBSCRIBE:
        return Decision(note="they want no more of this list", unsubscribe=True)
    bounced = (*_bounced(history, issue, now, rules), IssueFate(dispatch=issue, at=now, kind=kind))
    if kind is FeedbackKind.HARD:
        return _hard(bounced, rules.hard if feedback.machine_readable else rules.hard_in_words)
    if kind in _SCORED:
        return _scored(bounced, now, rules)
    return Decision(note=f"{kind.value.replace('_', ' ')} says nothing about the reader")


def doubt(domain: str, there: Tally, everywhere: Tally) -> str | None:
    """Return why refusals at a domain say nothing about its readers; None: they do.

    Pure.

    Args:
        domain: of the recipients.
        there: how the dispatch fared at that domain.
        everywhere: how it fared at all domains.
    """
    if there.hard >= _CROWD and _too_many(there):
        return (
            f"{there.hard} of {there.attempted} readers at {domain} were refused as unknown:"
            " that says more of the server than of them"
        )
    if everywhere.attempted >= _ENOUGH and _too_many(everywhere):
        return (
            f"{everywhere.hard} of {everywhere.attempted} readers were refused as unknown:"
            " that says more of the relay, or of where the list is from, than of each of them"
        )
    return None


def _too_many(tally: Tally) -> bool:
    return tally.hard * _ONE_IN > tally.attempted


def _hard(bounced: Sequence[IssueFate], needed: int) -> Decision:
    days = {fate.at.date() for fate in bounced if fate.kind is FeedbackKind.HARD}
    return Decision(
        note=f"hard bounces on {len(days)} of {needed} days",
        counted=True,
        suppress=SuppressionReason.BOUNCED if len(days) >= needed else None,
    )


def _scored(bounced: Sequence[IssueFate], now: datetime, rules: FeedbackRules) -> Decision:
    lasting = bounced[-1].at - bounced[0].at + _SLACK >= rules.over
    # A server that is down for a week must not cost a daily newsletter everybody behind it.
    recent = sum(
        fate.at > now - rules.window and fate.kind is not FeedbackKind.TRANSIENT
        for fate in bounced
    )
    given_up = (len(bounced) >= rules.in_a_row and lasting) or recent >= rules.issues
    return Decision(
        note=f"{len(bounced)} issues in a row bounced, {recent} of them lately",
        counted=True,
        suppress=SuppressionReason.BOUNCED if given_up else None,
    )


def _bounced(
    history: Sequence[IssueFate], issue: DispatchId | None, now: datetime, rules: FeedbackRules
) -> tuple[IssueFate, ...]:
    """Return the other issues that bounced since the last one that arrived, the oldest first."""
    row: list[IssueFate] = []
    for fate in reversed(history):
        if issue is not None and fate.dispatch == issue:
            continue
        if fate.kind is not None:
            row.append(fate)
        elif fate.at <= now - rules.arrived_after:
            break
    return tuple(reversed(row))
