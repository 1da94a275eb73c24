"""Feedback from a program of your own, signed with a key that both of you know.

`X-Webhook-Timestamp` is the present in seconds since 1970, `X-Webhook-Signature` the hexadecimal
HMAC-SHA256 of `TIMESTAMP.BODY`. The body is `{"events": [...]}`, each event
`{"id", "kind", "recipient", "status", "reply", "return_path", "message_id"}`: `id` and `kind` (one
of FeedbackKind) must be there, and who it is about is proven by `return_path` or `message_id`.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime

from pipeline.feedback.webhooks.posted import (
    Posted,
    Told,
    WebhookRefused,
    event_key,
    feedback,
    optional,
    parsed,
    record,
    records,
    require_fresh,
    require_same,
    text,
)
from pipeline.model.feedback import FeedbackKind


def read(headers: Mapping[str, str], body: bytes, secret: bytes, now: datetime) -> Posted:
    """Read a body; see `posted.Read`."""
    timestamp = headers.get("x-webhook-timestamp", "")
    expected = hmac.digest(secret, timestamp.encode() + b"." + body, "sha256").hex()
    require_same(headers.get("x-webhook-signature", ""), expected, "X-Webhook-Signature")
    require_fresh(timestamp, now)
    return Posted(tuple(_told(event) for event in records(record(parsed(body)).get("events"))))


def _told(event: Mapping[str, object]) -> Told:
    kind = text(event, "kind")
    if kind not in set(FeedbackKind):
        raise WebhookRefused(f"kind is one of: {', '.join(FeedbackKind)}")
    return Told(
        key=event_key(text(event, "id")),
        feedback=feedback(
            FeedbackKind(kind),
            "generic",
            recipient=optional(event, "recipient"),
            status=optional(event, "status"),
            reply=optional(event, "reply"),
            senders=[optional(event, "return_path")],
            message_ids=[optional(event, "message_id")],
        ),
    )
