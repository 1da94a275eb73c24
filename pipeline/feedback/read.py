"""A mail that came back, read into verdicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pipeline.feedback.arf import read_arf
from pipeline.feedback.dsn import read_dsn
from pipeline.feedback.evidence import evidence, returned_to
from pipeline.feedback.finding import Finding, is_from_robot
from pipeline.feedback.flufl import read_flufl
from pipeline.feedback.mime import MOST_BYTES, Part, parse
from pipeline.feedback.notification import notification, says_failure
from pipeline.feedback.prose import read_prose
from pipeline.feedback.replies import (
    read_auto_reply,
    read_challenge,
    read_disposition,
    read_unsubscribe,
)
from pipeline.feedback.words import code_in, kind_of, one_line, status_in
from pipeline.model.feedback import Feedback

PLAIN: Final = "plain"  # the detector of a bounce that nobody can read

# Formats for programs first, then what only looks like a bounce, then prose.
_READERS: Final[tuple[tuple[str, Callable[[Part], tuple[Finding, ...]]], ...]] = (
    ("arf", read_arf),
    ("dsn", read_dsn),
    ("unsubscribe", read_unsubscribe),
    ("disposition", read_disposition),
    ("auto_reply", read_auto_reply),
    ("challenge", read_challenge),
    ("words", read_prose),
)


def read(raw: bytes) -> tuple[Feedback, ...]:
    """Return the verdicts that a mail holds; none if it is no feedback that we can read.

    Total and bounded: any bytes are read, in time and memory that depend on MOST_BYTES alone.
    Nothing in the answer is proven; see `Feedback`.
    """
    message = parse(raw)
    detector, findings = _find(message, raw[:MOST_BYTES])
    if not findings:
        return ()
    tokens, message_ids = evidence(message)
    return tuple(
        Feedback(
            kind=found.kind,
            recipient=found.recipient,
            tokens=tokens,
            message_ids=message_ids,
            status=found.status,
            reply=found.reply,
            detector=detector,
            machine_readable=found.machine_readable,
        )
        for found in findings
    )


def _find(message: Part, raw: bytes) -> tuple[str, tuple[Finding, ...]]:
    for name, reader in _READERS:
        if findings := reader(message):
            return name, findings
    text = "\n".join(notification(message))
    if not (is_from_robot(message) or says_failure(message, text)):
        return "", ()
    if findings := read_flufl(raw, text):
        return "flufl", findings
    return PLAIN, (_plain(message, text),)


def _plain(message: Part, text: str) -> Finding:
    """Return what is left of a bounce that names nobody: that it is one."""
    status = status_in(text)
    kind = kind_of(status, text, code=code_in(text))
    return Finding(kind, returned_to(message), status, one_line(text or message.subject))
