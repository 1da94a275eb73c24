"""Delivery status notifications (RFC 3464, RFC 6533), made for programs to read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pipeline.feedback.finding import ADDRESS, Finding
from pipeline.feedback.mime import Fields, Part, fields_of
from pipeline.feedback.notification import notification
from pipeline.feedback.words import code_in, kind_of, one_line, status_in
from pipeline.model.feedback import FeedbackKind

_TYPES: Final = {"message/delivery-status", "message/global-delivery-status"}
_GAP: Final = re.compile(rb"\n[ \t]*\n")
MOST_RECIPIENTS: Final = 100


def read_dsn(message: Part) -> tuple[Finding, ...]:
    """Return what a report says of each recipient; nothing if it is no report that names one."""
    # A report in a message in this one is somebody else's, unless it is all there is.
    for part in (*message.walk(enclosed=False), *message.walk()):
        if part.type in _TYPES:
            found = tuple(_recipients(part, message))
            if found:
                return tuple(dict.fromkeys(found))
    return ()


def report_fields(message: Part) -> Fields:
    """Return the fields of its first report, those of all recipients in one row."""
    for part in message.walk():
        if part.type in _TYPES or part.type == "message/feedback-report":
            return tuple(field for block in _blocks(part) for field in block)
    return ()


def _blocks(part: Part) -> Iterator[Fields]:
    for block in _GAP.split(part.body, MOST_RECIPIENTS):
        fields, _ = fields_of(block.strip(b"\n"))
        if fields:
            yield fields


def _recipients(part: Part, message: Part) -> Iterator[Finding]:
    for block in _blocks(part):
        fields = dict(reversed(block))  # the first of two wins
        recipient = _recipient(fields)
        if recipient or "final-recipient" in fields:
            yield _finding(fields, recipient, message)


def _recipient(fields: dict[str, str]) -> str | None:
    """Return whom we wrote to: the original recipient, else the final one (RFC 3464 2.3)."""
    for name in ("original-recipient", "final-recipient"):
        kind, divider, address = fields.get(name, "").partition(";")
        if not divider:
            kind, address = "rfc822", kind
        address = address.strip().strip("<>")
        if kind.strip().lower() in {"rfc822", "utf-8"} and ADDRESS.fullmatch(address):
            return address
    return None


def _finding(fields: dict[str, str], recipient: str | None, message: Part) -> Finding:
    said = fields.get("diagnostic-code", "")
    reply = one_line(said.partition(";")[2] or said or fields.get("status", ""))
    status = status_in(fields.get("status", "")[:12])
    if status is None or status.endswith((".0.0", ".1.0", ".5.0", ".3.0")):
        told = status_in(said)  # a relay that repeats another's reply keeps the code only there
        status = told if told and not told.endswith(".0.0") else status or told
    return Finding(
        kind=_kind(
            fields.get("action", ""), status, f"{fields.get('status', '')} {said}", message
        ),
        recipient=recipient,
        status=status,
        reply=reply,
        machine_readable=True,
    )


def _kind(action: str, status: str | None, words: str, message: Part) -> FeedbackKind:
    done = action.partition(" ")[0].lower()
    if done == "delayed":
        return FeedbackKind.DELAYED
    if done in {"delivered", "relayed", "expanded"}:
        return FeedbackKind.DELIVERED
    kind = kind_of(status, words, code=code_in(words))
    if kind is FeedbackKind.UNKNOWN:
        # The prose beside the report may say more than "5.0.0".
        kind = kind_of(status, "\n".join(notification(message)))
    return kind
