"""SendGrid's Event Webhook: batches of events, signed with ECDSA over the time and the bytes."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pipeline.feedback.webhooks.posted import (
    Posted,
    Told,
    WebhookRefused,
    event_key,
    feedback,
    judged,
    optional,
    parsed,
    records,
    require_fresh,
    text,
)
from pipeline.feedback.webhooks.signed import ecdsa_holds
from pipeline.model.feedback import FeedbackKind

_SIGNATURE: Final = "x-twilio-email-event-webhook-signature"
_TIMESTAMP: Final = "x-twilio-email-event-webhook-timestamp"

_KINDS: Final = {
    "spamreport": FeedbackKind.COMPLAINT,
    "unsubscribe": FeedbackKind.UNSUBSCRIBE,
    "group_unsubscribe": FeedbackKind.UNSUBSCRIBE,
    "deferred": FeedbackKind.DELAYED,
}
_CLASSES: Final = {
    "Invalid Address": FeedbackKind.HARD,
    "Mailbox Unavailable": FeedbackKind.MAILBOX,
    "Technical": FeedbackKind.TRANSIENT,
    "Content": FeedbackKind.SENDER_FAULT,
    "Reputation": FeedbackKind.SENDER_FAULT,
    "Frequency or Volume Too High": FeedbackKind.SENDER_FAULT,
}
# Why SendGrid itself did not send; what is not here is about the message or the account.
_DROPPED: Final = {
    "Bounced Address": FeedbackKind.HARD,
    "Invalid": FeedbackKind.HARD,
    "Spam Reporting Address": FeedbackKind.COMPLAINT,
    "Unsubscribed Address": FeedbackKind.UNSUBSCRIBE,
    "Recipient List over Package Quota": FeedbackKind.SENDER_FAULT,
}


def read(headers: Mapping[str, str], body: bytes, secret: bytes, now: datetime) -> Posted:
    """Read a body; see `posted.Read`. The secret is the verification key, as SendGrid shows it."""
    timestamp = headers.get(_TIMESTAMP, "")
    signature = _decoded(headers.get(_SIGNATURE, ""))
    if not ecdsa_holds(secret, signature, timestamp.encode() + body):
        raise WebhookRefused("the signature is wrong or missing; see secret_file", forged=True)
    require_fresh(timestamp, now)
    told = (_told(event) for event in records(parsed(body)))
    return Posted(tuple(each for each in told if each is not None))


def _decoded(signature: str) -> bytes:
    try:
        return b64decode(signature, validate=True)
    except ValueError:
        return b""


def _told(event: Mapping[str, Any]) -> Told | None:
    name, reply = text(event, "event"), optional(event, "reason") or optional(event, "response")
    status = optional(event, "status")
    match name:
        case "bounce" | "blocked":
            kind = judged(_class(event), status, reply)
        case "dropped":
            kind = _DROPPED.get(optional(event, "reason"), FeedbackKind.SENDER_FAULT)
        case _ if name in _KINDS:
            kind = _KINDS[name]
        case _:
            return None
    return Told(
        key=event_key(text(event, "sg_event_id")),
        feedback=feedback(
            kind,
            "sendgrid",
            recipient=text(event, "email"),
            status=status,
            reply=reply,
            message_ids=[optional(event, "smtp-id")],
        ),
    )


def _class(event: Mapping[str, Any]) -> FeedbackKind:
    blocked = "blocked" in {optional(event, "event"), optional(event, "type")}
    # A block is about this message or its sender; a bounce about the address.
    without = FeedbackKind.SENDER_FAULT if blocked else FeedbackKind.HARD
    return _CLASSES.get(optional(event, "bounce_classification"), without)
