from __future__ import annotations

import pytest

from pipeline.delivery.breaker import Breaker
from pipeline.model.delivery import (
    Accepted,
    Deferred,
    DeliveryId,
    DeliveryStatus,
    Outcome,
    Refused,
    Settled,
    Unanswered,
)

SPAM = Refused(554, "5.6.0 content rejected")
UNKNOWN = Refused(550, "5.1.1 no such mailbox")
OK = Accepted(250, "2.0.0 taken")


def after(*outcomes: Outcome) -> Breaker:
    """Return the breaker that has seen these outcomes of deliveries 1, 2, 3 ..."""
    breaker = Breaker()
    for number, outcome in enumerate(outcomes, start=1):
        settled = Settled(DeliveryId(number), 1, DeliveryStatus.REFUSED, started_at=0)
        breaker = breaker.observe(settled, outcome)
    return breaker


def run_of(breaker: Breaker) -> tuple[int, ...]:
    """Return whose attempts are in the run."""
    return tuple(settled.delivery for settled in breaker.run)


def test_five_equal_refusals_are_about_us() -> None:
    """The fifth trips, and all five are to be put back."""
    assert not after(*[SPAM] * 4).tripped
    assert after(*[SPAM] * 5).tripped
    assert run_of(after(OK, *[SPAM] * 5)) == (2, 3, 4, 5, 6)


def test_an_acceptance_ends_a_run() -> None:
    """A way out that works for one works."""
    assert not after(*[SPAM] * 4, OK, *[SPAM] * 4).tripped


def test_another_refusal_begins_another_run() -> None:
    """Only equal answers add up."""
    breaker = after(*[SPAM] * 4, Refused(554, "5.6.1 media"), Refused(550, "5.6.0 content"))

    assert run_of(breaker) == (6,)


@pytest.mark.parametrize(
    "outcome", [Deferred(451, "4.7.1 later"), Unanswered("the line was cut"), UNKNOWN]
)
def test_what_says_nothing_about_us_changes_nothing(outcome: Outcome) -> None:
    """A run goes on over deferrals, silence and unknown mailboxes, without them in it."""
    breaker = after(SPAM, SPAM, outcome, SPAM, SPAM, outcome, SPAM)

    assert breaker.tripped
    assert run_of(breaker) == (1, 2, 4, 5, 7)


@pytest.mark.parametrize(
    "reply",
    [
        "5.1.1 no such mailbox",
        "5.1.10 null MX",
        "5.2.1 mailbox disabled",
        "5.2.2 over quota",
        "5.6.7 the server does not take non-ASCII local parts",
        "User unknown",
        "no such user here",
        "<...>: Recipient address rejected: unavailable",
        "Mailbox full",
        "This account does not exist",
    ],
)
def test_an_old_audience_does_not_trip(reply: str) -> None:
    """Hundreds of dead addresses in a row are hundreds of refusals."""
    assert not after(*[Refused(550, reply)] * 100).tripped


def test_words_count_where_there_is_no_code() -> None:
    """Queue ids, addresses and numbers do not make refusals different."""
    run = [
        Refused(554, f"Message {number}AF rejected as spam, see http://e.org/{number}")
        for number in range(5)
    ]

    assert after(*run).tripped
