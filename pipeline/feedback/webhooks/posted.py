"""What a provider posts to us: strict JSON, a signature, a time; and what we make of it."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from pipeline.errors import BroadsheetError
from pipeline.feedback.words import kind_of, one_line
from pipeline.model.feedback import Feedback, FeedbackKind
from pipeline.model.moment import moment

LARGEST: Final = 1 << 20  # bytes of a body; SendGrid's batches have up to 768 KiB
WINDOW: Final = timedelta(minutes=5)  # how far its time may be from ours

_MOST: Final = 5000  # events in one body
_LONGEST_ID: Final = 200
_LONGEST_ADDRESS: Final = 320  # RFC 5321 4.5.3.1: 64 + 1 + 255
_RETURN_PATH: Final = re.compile(r"(b-[a-z2-7]{24})@.+", re.IGNORECASE)
_MILDER: Final = {FeedbackKind.TRANSIENT, FeedbackKind.MAILBOX}


class WebhookRefused(BroadsheetError):
    """Something was posted that is not from the provider, is stale, or is not what it documents.

    Nothing was changed. The message is for the operator's log; whoever posted it learns only
    whether to bring proof (`forged`) or another body.
    """

    def __init__(self, why: str, *, forged: bool = False) -> None:
        self.forged = forged  # the answer is 401; otherwise 400
        super().__init__(why)


class Told(Struct, frozen=True, kw_only=True):
    """One event that a provider told us of."""

    key: str  # the provider's id of it: when it comes again, it has the same
    feedback: Feedback


class Posted(Struct, frozen=True):
    """What was in an authentic body; events that say nothing about a failure are not in it."""

    told: tuple[Told, ...] = ()
    for_operator: bool = False  # a person has to look at the body, and to act


# Headers have lower-case names. The secret is the content of the webhook's `secret_file`.
Read = Callable[[Mapping[str, str], bytes, bytes, datetime], Posted]


def parsed(body: bytes | str) -> Any:
    """Return JSON, read strictly: two readers of one body must not see two things.

    Raises:
        WebhookRefused: it is none, names a key twice, or is too deep.
    """
    try:
        text = body.decode("utf-8") if isinstance(body, bytes) else body
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        # Half a surrogate pair is JSON, and no text: it could neither be compared nor stored.
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        # No excerpt: bodies hold addresses.
        raise WebhookRefused("the body is not the JSON that was announced") from error
    return found


def record(value: object) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        WebhookRefused: it is something else.
    """
    if not isinstance(value, dict):
        raise WebhookRefused("the body has no object where the provider documents one")
    return value


def records(value: object) -> list[dict[str, Any]]:
    """Return a list of JSON objects.

    Raises:
        WebhookRefused: it is something else, or too long.
    """
    if not isinstance(value, list) or len(value) > _MOST:
        raise WebhookRefused("the body has no list where the provider documents one")
    return [record(each) for each in value]


def text(holder: Mapping[str, Any], name: str) -> str:
    """Return a text that must be there.

    Raises:
        WebhookRefused: it is missing, empty or something else.
    """
    value = holder.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # Postmark's ids, SendGrid's times
    if not isinstance(value, str) or not value:
        raise WebhookRefused(f"the body has no {name}, which the provider documents")
    return value


def optional(holder: Mapping[str, Any], name: str) -> str:
    """Return a text, empty if there is none."""
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def part(holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a JSON object inside another, empty if there is none."""
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def require_fresh(seconds: str, now: datetime) -> None:
    """Refuse a time that is more than WINDOW from now.

    Args:
        seconds: since 1970, as signed by the provider; digits only.
        now: aware, UTC.

    Raises:
        WebhookRefused: it is stale, from the future, or no time.
    """
    if not re.fullmatch(r"[0-9]{1,12}", seconds):
        raise WebhookRefused("the time is not in seconds since 1970", forged=True)
    require_recent(moment(int(seconds) * 1_000_000), now)


def require_recent(at: datetime, now: datetime, *, past: timedelta = WINDOW) -> None:
    """Refuse a moment that is longer ago than `past`, or later than in WINDOW."""
    if not -past <= at - now <= WINDOW:
        raise WebhookRefused(
            f"its time is more than {past // timedelta(minutes=1)} minutes before ours,"
            " or more than 5 after it; look at the clock of this machine",
            forged=True,
        )


def require_same(given: str, expected: str, what: str) -> None:
    """Refuse a proof that is not the expected one, in a time that does not tell how wrong it is.

    Raises:
        WebhookRefused: it is another one, or missing.
    """
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise WebhookRefused(
            f"{what} is wrong or missing; compare it with secret_file", forged=True
        )


def feedback(
    kind: FeedbackKind,
    detector: str,
    *,
    recipient: str = "",
    status: str = "",
    reply: str = "",
    senders: Iterable[str] = (),
    tokens: Iterable[str] = (),
    message_ids: Iterable[str] = (),
) -> Feedback:
    """Return feedback; what is too long to be true is left out.

    Args:
        kind: what it is, finally; see `judged`.
        detector: the name of the provider.
        recipient: as the provider names it.
        status: RFC 3463, if there is one.
        reply: the other server's words.
        senders: envelope senders; those that look like our return paths become tokens.
        tokens: other candidates.
        message_ids: with or without brackets.
    """
    paths = (match[1] for sender in senders if (match := _RETURN_PATH.fullmatch(sender)))
    ids = (each.strip().strip("<>") for each in message_ids)
    return Feedback(
        kind=kind,
        recipient=recipient if 0 < len(recipient) <= _LONGEST_ADDRESS else None,
        tokens=tuple(each for each in (*paths, *tokens) if len(each) <= _LONGEST_ID),
        message_ids=tuple(each for each in ids if 0 < len(each) <= _LONGEST_ID),
        status=status if re.fullmatch(r"[245]\.\d{1,3}\.\d{1,3}", status) else None,
        reply=one_line(reply),
        detector=detector,
        machine_readable=True,
    )


def judged(told: FeedbackKind, status: str, reply: str) -> FeedbackKind:
    """Return the kind of a failure: the other server's own words before the provider's class.

    Pure. Never harder than the provider says, as it knows whether it will try again.
    """
    said = kind_of(status or None, reply)
    if said in {FeedbackKind.UNKNOWN, FeedbackKind.DELIVERED}:
        return told
    return told if said is FeedbackKind.HARD and told in _MILDER else said


def event_key(id_: str) -> str:
    """Return an id as a key, if it is short enough to be one.

    Raises:
        WebhookRefused: it is not.
    """
    if len(id_) > _LONGEST_ID:
        raise WebhookRefused("the id of an event is longer than any provider makes them")
    return id_


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")  # RFC 8259 6
