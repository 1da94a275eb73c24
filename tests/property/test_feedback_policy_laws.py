from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.feedback.policy import FeedbackRules, decide
from pipeline.model.dispatch import DispatchId
from pipeline.model.feedback import Feedback, FeedbackKind
from pipeline.model.issue_fate import IssueFate

NOW = datetime(2026, 5, 29, 8, tzinfo=UTC)

FATES = st.lists(
    st.builds(
        IssueFate,
        dispatch=st.integers(1, 30).map(DispatchId),
        at=st.integers(0, 200 * 24).map(lambda hours: NOW - timedelta(hours=hours)),
        kind=st.none() | st.sampled_from(FeedbackKind),
    ),
    max_size=12,
).map(lambda found: tuple(sorted(found, key=lambda fate: fate.at)))
VERDICTS = st.builds(
    Feedback,
    kind=st.sampled_from(FeedbackKind),
    recipient=st.none(),
    tokens=st.just(()),
    message_ids=st.just(()),
    status=st.none(),
    reply=st.just(""),
    detector=st.just("dsn"),
    machine_readable=st.booleans(),
)


@given(FATES, VERDICTS, st.booleans())
def test_only_what_is_proven_and_counts_ends_anything(
    history: tuple[IssueFate, ...], feedback: Feedback, proven: bool
) -> None:
    """A suppression rests on a proven verdict that is counted."""
    decision = decide(history, feedback, proven=proven, issue=None, now=NOW, rules=FeedbackRules())

    assert not decision.suppress or (proven and decision.counted)
    assert not decision.counted or (proven and feedback.kind is not FeedbackKind.SENDER_FAULT)
    assert not (decision.suppress and decision.unsubscribe)


@given(FATES, VERDICTS, st.data())
def test_more_bounces_never_save_anybody(
    history: tuple[IssueFate, ...], feedback: Feedback, data: st.DataObject
) -> None:
    """Whoever is given up would be, too, if an issue that arrived had bounced."""
    rules = FeedbackRules()
    arrived = [number for number, fate in enumerate(history) if fate.kind is None]
    if not arrived:
        return
    number = data.draw(st.sampled_from(arrived))
    worse = list(history)
    worse[number] = replace(worse[number], kind=FeedbackKind.MAILBOX)

    before = decide(history, feedback, proven=True, issue=None, now=NOW, rules=rules)
    after = decide(worse, feedback, proven=True, issue=None, now=NOW, rules=rules)

    assert after.suppress or not before.suppress
