"""Mailgun's webhooks: JSON that carries its own signature."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pipeline.feedback.webhooks.posted import (
    Posted,
    Told,
    event_key,
    feedback,
    judged,
    optional,
    parsed,
    part,
    record,
    require_fresh,
    require_same,
    text,
)
from pipeline.model.feedback import FeedbackKind

_KINDS: Final = {
    "complained": FeedbackKind.COMPLAINT,
    "unsubscribed": FeedbackKind.UNSUBSCRIBE,
    "rejected": FeedbackKind.SENDER_FAULT,
}
# Why a permanent failure is one; others are about the address.
_REASONS: Final = {
    "suppress-complaint": FeedbackKind.COMPLAINT,
    "suppress-unsubscribe": FeedbackKind.UNSUBSCRIBE,
    "espblock": FeedbackKind.SENDER_FAULT,
    "old": FeedbackKind.TRANSIENT,
}


def read(headers: Mapping[str, str], body: bytes, secret: bytes, now: datetime) -> Posted:
    """Read a body; see `posted.Read`.

    The signature covers a time and a token but not the event, so that the token is the key: it
    counts once. Mailgun's own ids of events are only unique within a day.
    """
    del headers
    payload = record(parsed(body))
    signature = part(payload, "signature")
    timestamp, token = text(signature, "timestamp"), text(signature, "token")
    # The two are signed as one text. A digit that changed sides would make the time a stale one.
    expected = hmac.digest(secret, (timestamp + token).encode(), "sha256").hex()
    require_same(optional(signature, "signature"), expected, "the signature")
    require_fresh(timestamp, now)
    event = record(payload.get("event-data"))
    kind = _kind(event)
    if kind is None:
        return Posted()
    return Posted((Told(key=event_key(token), feedback=_feedback(event, kind)),))


def _kind(event: Mapping[str, Any]) -> FeedbackKind | None:
    name = text(event, "event")
    if name != "failed":
        return _KINDS.get(name)
    if optional(event, "severity") != "permanent":
        return FeedbackKind.DELAYED  # Mailgun goes on trying
    known = _REASONS.get(optional(event, "reason"))
    status, reply = _words(event)
    return known or judged(FeedbackKind.HARD, status, reply)


def _words(event: Mapping[str, Any]) -> tuple[str, str]:
    said = part(event, "delivery-status")
    return optional(said, "enhanced-code"), optional(said, "message") or optional(
        said, "description"
    )


def _feedback(event: Mapping[str, Any], kind: FeedbackKind) -> Any:
    status, reply = _words(event)
    return feedback(
        kind,
        "mailgun",
        recipient=text(event, "recipient"),
        status=status,
        reply=reply,
        senders=[optional(part(event, "envelope"), "sender")],
        message_ids=[optional(part(part(event, "message"), "headers"), "message-id")],
    )
