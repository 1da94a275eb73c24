from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.feedback.policy import Decision, FeedbackRules, Tally, decide, doubt
from pipeline.model.dispatch import DispatchId
from pipeline.model.feedback import Feedback, FeedbackKind
from pipeline.model.issue_fate import IssueFate
from pipeline.model.subscriber import SuppressionReason

NOW = datetime(2026, 5, 29, 8, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = FeedbackRules()
HARD, MAILBOX, TRANSIENT = FeedbackKind.HARD, FeedbackKind.MAILBOX, FeedbackKind.TRANSIENT
BOUNCED = SuppressionReason.BOUNCED


def verdict(kind: FeedbackKind, *, readable: bool = True) -> Feedback:
    """Return a verdict of a kind."""
    return Feedback(
        kind=kind,
        recipient="ann@example.org",
        tokens=(),
        message_ids=(),
        status=None,
        reply="so it is",
        detector="dsn",
        machine_readable=readable,
    )


def fates(*told: tuple[float, FeedbackKind | None]) -> tuple[IssueFate, ...]:
    """Return a history of issues: how many days ago, and what came back."""
    return tuple(
        IssueFate(dispatch=DispatchId(number), at=NOW - ago * DAY, kind=kind)
        for number, (ago, kind) in enumerate(told)
    )


def judge(
    feedback: Feedback,
    *told: tuple[float, FeedbackKind | None],
    proven: bool = True,
    by_link: bool = False,
    issue: int | None = 99,
    rules: FeedbackRules = RULES,
) -> Decision:
    """Decide about a verdict after a history."""
    return decide(
        fates(*told),
        feedback,
        proven=proven,
        by_link=by_link,
        issue=None if issue is None else DispatchId(issue),
        now=NOW,
        rules=rules,
    )


@pytest.mark.parametrize("kind", FeedbackKind)
def test_what_is_not_proven_changes_nobody(kind: FeedbackKind) -> None:
    """Anybody can write a bounce, a complaint or a wish to leave."""
    decision = judge(verdict(kind), (20, HARD), (14, HARD), (7, HARD), proven=False)

    assert (decision.suppress, decision.unsubscribe, decision.counted) == (None, False, False)


def test_a_hard_bounce_ends_it_at_once() -> None:
    """A program said so, and a token proves whom it is about."""
    assert judge(verdict(HARD)).suppress is BOUNCED


def test_a_hard_bounce_in_prose_needs_another_day() -> None:
    """We may have misread it: a second one on the same day says nothing new."""
    prose = verdict(HARD, readable=False)

    assert judge(prose).suppress is None
    assert judge(prose).counted
    assert judge(prose, (0.1, HARD)).suppress is None
    assert judge(prose, (1, HARD)).suppress is BOUNCED


@pytest.mark.parametrize("kind", [MAILBOX, TRANSIENT, FeedbackKind.UNKNOWN])
def test_three_issues_in_a_row_over_two_weeks_end_it(kind: FeedbackKind) -> None:
    """A full mailbox may be emptied; one that nobody empties is left."""
    assert judge(verdict(kind), (7, kind)).suppress is None
    assert judge(verdict(kind), (14, kind), (7, kind)).suppress is BOUNCED
    assert judge(verdict(kind), (9, kind), (4, kind)).suppress is None


def test_a_weekly_issue_may_be_an_hour_late() -> None:
    """Summer time and a slow day make two weeks shorter."""
    assert judge(verdict(MAILBOX), (13.95, MAILBOX), (7, MAILBOX)).suppress is BOUNCED


def test_five_issues_in_ninety_days_end_it() -> None:
    """A daily newsletter need not try for two weeks; what is long ago does not count."""
    row = [(ago, MAILBOX) for ago in (4, 3, 2, 1)]
    assert judge(verdict(MAILBOX), *row).suppress is BOUNCED
    assert judge(verdict(MAILBOX), *row[1:]).suppress is None
    wide = FeedbackRules(in_a_row=9)
    assert judge(verdict(MAILBOX), *[(91, MAILBOX)], *row[1:], rules=wide).suppress is None


def test_a_server_that_is_down_for_a_week_costs_no_daily_reader() -> None:
    """What passes by itself is given two weeks, however many issues come in them."""
    daily = tuple((ago, TRANSIENT) for ago in range(6, 0, -1))

    assert judge(verdict(TRANSIENT), *daily).suppress is None
    assert judge(verdict(TRANSIENT), (14, TRANSIENT), *daily).suppress is BOUNCED
    assert judge(verdict(MAILBOX), *((ago, MAILBOX) for ago, _ in daily)).suppress is BOUNCED


def test_an_issue_that_arrived_begins_it_anew() -> None:
    """What bounced before the last arrival is forgotten, whatever it was."""
    assert judge(verdict(MAILBOX), (21, MAILBOX), (14, MAILBOX), (7, None)).suppress is None
    assert judge(verdict(HARD, readable=False), (14, HARD), (7, None)).suppress is None


def test_an_issue_of_yesterday_has_not_arrived_yet() -> None:
    """Its bounce may still be on the way: it neither counts nor forgives."""
    row = ((14, MAILBOX), (7, MAILBOX), (1, None))

    assert judge(verdict(MAILBOX), *row).suppress is BOUNCED


def test_an_issue_counts_once() -> None:
    """Two servers may report one message; issues are counted, not bounces."""
    row = ((14, MAILBOX), (7, MAILBOX))  # the second is the issue in question

    assert judge(verdict(MAILBOX), *row, issue=1).suppress is None


def test_a_complaint_ends_it_for_good() -> None:
    """One is enough, and its reason is the one that is lifted least easily."""
    assert judge(verdict(FeedbackKind.COMPLAINT)).suppress is SuppressionReason.COMPLAINED


def test_a_wish_to_leave_is_about_a_list() -> None:
    """Who leaves a list is not suppressed for all of them."""
    decision = judge(verdict(FeedbackKind.UNSUBSCRIBE))

    assert (decision.unsubscribe, decision.suppress) == (True, None)


@pytest.mark.parametrize(
    "kind",
    [
        FeedbackKind.SENDER_FAULT,
        FeedbackKind.AUTO_REPLY,
        FeedbackKind.CHALLENGE,
        FeedbackKind.DELAYED,
        FeedbackKind.DELIVERED,
    ],
)
def test_what_is_not_about_the_reader_never_counts(kind: FeedbackKind) -> None:
    """Our reputation and an absent person's robot are nobody's address."""
    row = ((20, MAILBOX), (14, MAILBOX), (7, MAILBOX), (6, MAILBOX), (5, HARD))

    decision = judge(verdict(kind), *row)

    assert (decision.suppress, decision.counted, decision.unsubscribe) == (None, False, False)


def test_the_numbers_are_settings() -> None:
    """All of them come from the rules."""
    patient = FeedbackRules(hard=2, in_a_row=2, over=DAY, issues=9)

    assert judge(verdict(HARD), rules=patient).suppress is None
    assert judge(verdict(MAILBOX), (1, MAILBOX), rules=patient).suppress is BOUNCED


def test_a_link_alone_proves_no_complaint() -> None:
    """It stands in every mail that is forwarded; what it may do on its own is to unsubscribe."""
    decision = judge(verdict(FeedbackKind.COMPLAINT), by_link=True)

    assert (decision.suppress, decision.unsubscribe, decision.counted) == (None, True, False)
    assert judge(verdict(HARD), by_link=True).suppress is BOUNCED


@pytest.mark.parametrize(
    ("domain", "everywhere", "doubted"),
    [
        ((20, 399), (20, 9999), True),
        ((20, 400), (20, 9999), False),  # one in twenty
        ((19, 19), (19, 9999), False),
        ((19, 19), (19, 199), False),
        ((1, 1), (11, 200), True),
        ((1, 1), (10, 200), False),
        ((0, 0), (0, 0), False),
    ],
)
def test_a_crowd_of_refusals_is_doubted(
    domain: tuple[int, int], everywhere: tuple[int, int], doubted: bool
) -> None:
    """At one domain from 20 on, anywhere from 200 attempts on, and more than one in twenty."""
    assert bool(doubt("example.org", Tally(*domain), Tally(*everywhere))) is doubted
