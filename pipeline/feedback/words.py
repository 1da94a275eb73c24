"""What other servers mean by what they say: status codes (RFC 3463) and plain words."""

from __future__ import annotations

import re
from typing import Final

from pipeline.feedback.reasons import (
    FULL,
    NO_SUCH_HOST,
    NO_SUCH_USER,
    OURS,
    PASSING,
    SHUT,
    WEAKLY_HARD,
)
from pipeline.model.feedback import FeedbackKind

LONGEST_REPLY: Final = 500  # characters
_LOOKED_AT: Final = 4000  # characters of a text that are searched for words

# A status, not a version or a part of an IP address.
_STATUS: Final = re.compile(r"(?<![\w.])([45]\.[0-7]\.\d{1,3})(?![\w.]*\d)")
_REPLY_CODE: Final = re.compile(r"(?<![\w.:,-])([45]\d\d)(?=[ -](?!\d)|:|$|\])")

_BY_STATUS: Final = {
    "5.1.1": FeedbackKind.HARD,
    "5.1.2": FeedbackKind.HARD,
    "5.1.3": FeedbackKind.HARD,
    "5.1.4": FeedbackKind.HARD,
    "5.1.6": FeedbackKind.HARD,
    "5.1.7": FeedbackKind.SENDER_FAULT,
    "5.1.8": FeedbackKind.SENDER_FAULT,
    "5.1.9": FeedbackKind.SENDER_FAULT,
    "5.1.10": FeedbackKind.HARD,  # a null MX (RFC 7505)
    "5.2.1": FeedbackKind.MAILBOX,
    "5.2.2": FeedbackKind.MAILBOX,
    "5.2.3": FeedbackKind.SENDER_FAULT,
    "5.2.4": FeedbackKind.TRANSIENT,
    "4.2.1": FeedbackKind.MAILBOX,
    "4.2.2": FeedbackKind.MAILBOX,
    "5.3.4": FeedbackKind.SENDER_FAULT,
    "5.4.310": FeedbackKind.HARD,  # the domain does not exist, as Exchange says it
    "5.7.13": FeedbackKind.MAILBOX,  # an account that was shut (RFC 5248 2.4)
    "5.7.17": FeedbackKind.HARD,  # the mailbox has another owner (RFC 7293)
    "5.7.18": FeedbackKind.HARD,  # the domain has
}
_BY_SUBJECT: Final = {
    "5.6": FeedbackKind.SENDER_FAULT,
    "5.7": FeedbackKind.SENDER_FAULT,
}
# Servers use these for anything, so that words decide; and this is what they are without any.
_GENERIC: Final = {
    "5.0": FeedbackKind.UNKNOWN,
    "5.1": FeedbackKind.UNKNOWN,
    "5.2": FeedbackKind.MAILBOX,
    "5.3": FeedbackKind.TRANSIENT,
    "5.4": FeedbackKind.TRANSIENT,
    "5.5": FeedbackKind.SENDER_FAULT,
}


def kind_of(status: str | None, words: str, *, code: int | None = None) -> FeedbackKind:
    """Return what a failure is: by its status, and by words where that is generic.

    Pure. A status that calls the address wrong gives way to words that blame the mailbox or us:
    readers are lost by the one mistake, and an address is written to again by the other.

    Args:
        status: RFC 3463, such as "5.1.1"; None if nobody gave one.
        words: whatever the server said.
        code: the reply code (RFC 5321 4.2), if there is one.
    """
    if status is None and code is not None:
        status = "4.0.0" if code < 500 else "5.0.0"
    said = _by_words(words, permanent=status is None or status.startswith("5"))
    if status is None:
        return said or FeedbackKind.UNKNOWN
    if status.startswith("2"):
        return FeedbackKind.DELIVERED
    known = _BY_STATUS.get(status) or _BY_SUBJECT.get(status.rpartition(".")[0])
    if status.startswith("4"):
        if known or said is FeedbackKind.MAILBOX:
            return FeedbackKind.MAILBOX
        ours = said is FeedbackKind.SENDER_FAULT and status.startswith("4.7.")
        return FeedbackKind.SENDER_FAULT if ours else FeedbackKind.TRANSIENT
    if known is FeedbackKind.HARD and said in {FeedbackKind.MAILBOX, FeedbackKind.SENDER_FAULT}:
        return said
    return known or said or _GENERIC.get(status.rpartition(".")[0], FeedbackKind.UNKNOWN)


def status_in(text: str) -> str | None:
    """Return the first status of a failure in a text, a telling one rather than a generic one."""
    found = [match[1] for match in _STATUS.finditer(text[:_LOOKED_AT])]
    return next((each for each in found if not each.endswith(".0.0")), found[0] if found else None)


def code_in(text: str) -> int | None:
    """Return the first SMTP reply code in a text that says no (RFC 5321 4.2)."""
    match = _REPLY_CODE.search(text[:_LOOKED_AT])
    return int(match[1]) if match else None


def one_line(text: str) -> str:
    """Return a server's words on one line, without controls, at most LONGEST_REPLY characters."""
    line = " ".join(text[:_LOOKED_AT].split())
    return "".join(letter for letter in line if letter.isprintable())[:LONGEST_REPLY]


def _by_words(text: str, *, permanent: bool) -> FeedbackKind | None:
    """Return what words alone say; the most telling ones are asked first."""
    words = " ".join(text[:_LOOKED_AT].split())
    if not words:
        return None
    if FULL.search(words):
        return FeedbackKind.MAILBOX
    if NO_SUCH_USER.search(words) or NO_SUCH_HOST.search(words):
        return FeedbackKind.HARD
    if SHUT.search(words):
        return FeedbackKind.MAILBOX
    if OURS.search(words):
        return FeedbackKind.SENDER_FAULT
    if PASSING.search(words):
        return FeedbackKind.TRANSIENT
    if permanent and WEAKLY_HARD.search(words):
        return FeedbackKind.HARD
    return None
