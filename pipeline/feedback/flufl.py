"""The detectors of flufl.bounce, for what ours do not know; it raises on hostile mail."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import Final

from pipeline.feedback.finding import ADDRESS, Finding
from pipeline.feedback.words import kind_of, one_line, status_in
from pipeline.model.feedback import FeedbackKind

# Its patterns are not made for strangers: long text takes them long.
LONGEST: Final = 1 << 16  # bytes
LONGEST_LINE: Final = 1000  # bytes
MOST_RECIPIENTS: Final = 20


def read_flufl(raw: bytes, text: str) -> tuple[Finding, ...]:
    """Return whom flufl.bounce finds in a mail.

    Args:
        raw: the mail.
        text: what the mail system wrote in it; what kind of failure it is, is read from that.
    """
    try:
        from flufl.bounce import all_failures

        head = raw[:LONGEST]
        if any(len(line) > LONGEST_LINE for line in head.split(b"\n")):
            return ()
        late, lost = all_failures(message_from_bytes(head, policy=policy.compat32))
    except Exception:  # noqa: BLE001  # whatever it raises, it is about the mail and not about us
        return ()
    found = [(each, FeedbackKind.DELAYED) for each in late] + [(each, None) for each in lost]
    status = status_in(text)
    return tuple(
        Finding(kind or kind_of(status, text), address, status, one_line(text))
        for address, kind in sorted(
            ((octets.decode("ascii", "replace"), kind) for octets, kind in found),
            key=lambda x: x[0],
        )[:MOST_RECIPIENTS]
        if ADDRESS.fullmatch(address)
    )
