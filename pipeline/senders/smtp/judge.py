"""What a reply of 400 or more means, and for whom."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from pipeline.model.delivery import Deferred, Refused
from pipeline.senders.fault import SenderFault
from pipeline.senders.smtp.reply import Lost, Reply

CLOSING: Final = 421  # the server leaves; the command it answers did not happen (RFC 5321 3.8)

# Not understood, out of order, host takes no mail, or our login: whoever the mail is for.
_OURS: Final = frozenset({500, 502, 503, 504, 521, 530, 534, 535, 538})
# About our address or our message: bad sender (RFC 3463 3.2), message too big for the system.
_OURS_ENHANCED: Final = frozenset({"5.1.7", "5.1.8", "5.3.4"})
# Security and policy that names us: authentication and encryption (RFC 4954, 5248), and from 20 on
# DKIM, SPF, DMARC, reverse names, reputation (RFC 7372, and what large providers made of it).
_OUR_POLICY: Final = frozenset({0, 3, 8, 9, 10, 11, 12, 13})
_FIRST_OF_REPUTATION: Final = 20


class Closing(Lost):
    """421: the connection is over, and the command that it answers did not happen."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"the server is closing: {reply}")
        self.said = Deferred(reply.code, reply.text)


class Step(StrEnum):
    """What a reply may answer, as messages name it."""

    RSET = "RSET"
    MAIL = "MAIL FROM"
    RCPT = "RCPT TO"
    DATA = "DATA"
    DOT = "the message"
    LONE_DOT = "the lone dot"  # behind a 354 although nobody is left to be written to
    QUIT = "QUIT"


def judge(step: Step, reply: Reply) -> Deferred | Refused:
    """Turn a negative reply into what it means for this recipient.

    Pure: no I/O.

    Args:
        step: what was answered.
        reply: its code is 400 or more.

    Raises:
        Closing: the server closes the connection; nothing happened.
        SenderFault: it is about us, so the next recipient would get the same answer.
    """
    if reply.code == CLOSING:
        raise Closing(reply)
    if reply.code < 500:
        return Deferred(reply.code, reply.text)
    if _is_about_us(step, reply):
        raise SenderFault(f"the relay refuses {step}: {reply}")
    return Refused(reply.code, reply.text)


def _is_about_us(step: Step, reply: Reply) -> bool:
    if step is Step.MAIL or reply.code in _OURS or reply.enhanced in _OURS_ENHANCED:
        return True
    # 5.7.1 and its like say "not allowed" of us or of one guarded mailbox. From one reply nobody
    # can tell; the delivery loop can, from what became of the others.
    subject, _, detail = reply.enhanced.rpartition(".")
    number = int(detail) if detail.isdigit() else None
    return (
        subject == "5.7"
        and number is not None
        and (number in _OUR_POLICY or number >= _FIRST_OF_REPUTATION)
    )
