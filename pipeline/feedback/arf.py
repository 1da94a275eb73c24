"""Complaints that mailbox providers pass on (RFC 5965, RFC 6650, RFC 9477)."""

from __future__ import annotations

from typing import Final

from pipeline.feedback.dsn import report_fields
from pipeline.feedback.finding import Finding, address_in
from pipeline.feedback.mime import Part
from pipeline.feedback.words import one_line
from pipeline.model.feedback import FeedbackKind

_KINDS: Final = {
    "abuse": FeedbackKind.COMPLAINT,
    "fraud": FeedbackKind.COMPLAINT,
    "opt-out": FeedbackKind.UNSUBSCRIBE,
    "opt-out-list": FeedbackKind.UNSUBSCRIBE,
    "auth-failure": FeedbackKind.SENDER_FAULT,  # RFC 6591
    "virus": FeedbackKind.SENDER_FAULT,
    "not-spam": FeedbackKind.DELIVERED,  # they took it out of the spam
}
_MICROSOFT: Final = "x-hmxmroriginalrecipient"  # of its own junk mail reports, which are no ARF


def read_arf(message: Part) -> tuple[Finding, ...]:
    """Return the complaint that a report holds; one of an unknown type counts as "other"."""
    if any(part.type == "message/feedback-report" for part in message.walk(enclosed=False)):
        return (_report(message),)
    for part in message.walk():
        if recipient := address_in(part.first(_MICROSOFT)):
            return (Finding(FeedbackKind.COMPLAINT, recipient, reply="junk mail report"),)
    return ()


def _report(message: Part) -> Finding:
    fields = dict(reversed(report_fields(message)))
    type_ = fields.get("feedback-type", "").strip().lower()
    named = (fields.get(name, "") for name in ("original-rcpt-to", "removal-recipient"))
    return Finding(
        kind=_KINDS.get(type_, FeedbackKind.COMPLAINT),
        recipient=next((found for found in map(address_in, named) if found), None),
        reply=one_line(f"{type_ or 'complaint'} from {fields.get('user-agent', 'nobody named')}"),
        machine_readable=True,
    )
