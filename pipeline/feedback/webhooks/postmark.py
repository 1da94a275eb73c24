"""Postmark's webhooks: JSON, and a password that both sides know instead of a signature."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Final

from pipeline.feedback.read import read as read_mail
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
    require_same,
    text,
)
from pipeline.model.feedback import Feedback, FeedbackKind

_KINDS: Final = {
    "HardBounce": FeedbackKind.HARD,
    "BadEmailAddress": FeedbackKind.HARD,
    "SoftBounce": FeedbackKind.MAILBOX,
    "Transient": FeedbackKind.TRANSIENT,
    "DnsError": FeedbackKind.TRANSIENT,
    "SpamComplaint": FeedbackKind.COMPLAINT,
    "Unsubscribe": FeedbackKind.UNSUBSCRIBE,
    "AutoResponder": FeedbackKind.AUTO_REPLY,
    "AddressChange": FeedbackKind.AUTO_REPLY,
    "Subscribe": FeedbackKind.AUTO_REPLY,
    "ChallengeVerification": FeedbackKind.CHALLENGE,
    "Blocked": FeedbackKind.SENDER_FAULT,
    "SpamNotification": FeedbackKind.SENDER_FAULT,
    "VirusNotification": FeedbackKind.SENDER_FAULT,
    "OpenRelayTest": FeedbackKind.SENDER_FAULT,
    "DMARCPolicy": FeedbackKind.SENDER_FAULT,
    "SMTPApiError": FeedbackKind.SENDER_FAULT,
    "InboundError": FeedbackKind.SENDER_FAULT,
    "TemplateRenderingFailed": FeedbackKind.SENDER_FAULT,
}
_MOST_METADATA: Final = 10  # values; Postmark takes no more
_FAILURES: Final = {FeedbackKind.HARD, FeedbackKind.MAILBOX, FeedbackKind.TRANSIENT}


def read(headers: Mapping[str, str], body: bytes, secret: bytes, now: datetime) -> Posted:
    """Read a body; see `posted.Read`.

    The secret is `user:password` of HTTP Basic (RFC 7617), or what the webhook sends as
    `X-Webhook-Secret`. Postmark signs no time: an event that comes again is known by its id.
    """
    del now
    _require_password(headers, secret)
    event = record(parsed(body))
    match text(event, "RecordType"):
        case "Bounce" | "SpamComplaint":
            return Posted((_bounce(event),))
        case "SubscriptionChange" if _left(event):
            return Posted((_departure(event),))
        case _:
            return Posted()


def _require_password(headers: Mapping[str, str], secret: bytes) -> None:
    if basic := headers.get("authorization", ""):
        require_same(basic, f"Basic {b64encode(secret).decode()}", "the password")
    else:
        require_same(
            headers.get("x-webhook-secret", ""), secret.decode("utf-8", "replace"), "the secret"
        )


def _left(event: Mapping[str, Any]) -> bool:
    """Whether a reader asked for it; bounces and complaints are told of on their own."""
    reason = optional(event, "SuppressionReason")
    return event.get("SuppressSending") is True and reason == "ManualSuppression"


def _bounce(event: Mapping[str, Any]) -> Told:
    told = _KINDS.get(text(event, "Type"), FeedbackKind.UNKNOWN)
    reply = optional(event, "Details") or optional(event, "Description")
    # With "include bounce content" Postmark adds the mail that came back, and in it our tokens.
    returned = read_mail(optional(event, "Content").encode())
    status = next((each.status for each in returned if each.status), "") or ""
    return Told(
        key=event_key(f"{text(event, 'RecordType')}-{text(event, 'ID')}"),
        feedback=_feedback(
            judged(told, status, reply) if told in _FAILURES else told,
            event,
            "Email",
            status=status,
            reply=reply,
            returned=returned,
        ),
    )


def _departure(event: Mapping[str, Any]) -> Told:
    key = f"SubscriptionChange-{text(event, 'MessageID')}-{text(event, 'ChangedAt')}"
    kind = FeedbackKind.UNSUBSCRIBE
    return Told(key=event_key(key), feedback=_feedback(kind, event, "Recipient"))


def _feedback(
    kind: FeedbackKind,
    event: Mapping[str, Any],
    address: str,
    *,
    status: str = "",
    reply: str = "",
    returned: tuple[Feedback, ...] = (),
) -> Feedback:
    # What a message said of itself in X-PM-Metadata-* headers, and nobody else could.
    values = (each for each in part(event, "Metadata").values() if isinstance(each, str))
    ours = list(islice(values, _MOST_METADATA))
    return feedback(
        kind,
        "postmark",
        recipient=text(event, address),
        status=status,
        reply=reply,
        tokens=[*ours, *(token for each in returned for token in each.tokens)],
        message_ids=[*ours, *(id_ for each in returned for id_ in each.message_ids)],
    )
