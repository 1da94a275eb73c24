"""What comes back after a message left: bounces, complaints, and what only looks like them."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class FeedbackKind(StrEnum):
    """What a returned message says; only some of it is about the reader."""

    HARD = "hard"  # there is no such mailbox, and there will be none
    MAILBOX = "mailbox"  # full, disabled, suspended: the reader's, and it may pass
    TRANSIENT = "transient"  # network, greylisting, expired: nobody's, and it may pass
    SENDER_FAULT = "sender_fault"  # our reputation, authentication or content; never the reader's
    COMPLAINT = "complaint"  # they called it spam
    UNSUBSCRIBE = "unsubscribe"  # a mail to the mailto of List-Unsubscribe
    AUTO_REPLY = "auto_reply"
    CHALLENGE = "challenge"  # a robot wants to know whether we are human
    DELAYED = "delayed"  # still being tried by somebody
    DELIVERED = "delivered"  # a report of success
    UNKNOWN = "unknown"  # a bounce, but of what kind?


class Feedback(Struct, frozen=True, kw_only=True):
    """One verdict on one recipient, read from one message; nothing in it is proven yet.

    Who it is about is proven by a token alone: anybody can write a bounce.
    """

    kind: FeedbackKind
    recipient: str | None  # as the report names it; None: it names nobody
    tokens: tuple[str, ...]  # candidates, best first: return-path local parts, unsubscribe tokens
    message_ids: tuple[str, ...]  # of the returned message, without brackets
    status: str | None  # RFC 3463, such as "5.1.1", as reported or as its words imply
    reply: str  # the other server's own words, one line, at most 500 characters
    detector: str  # which of our readers recognised it: "dsn", "arf", "flufl", "words", a webhook
    machine_readable: bool  # a format made for programs said so, not prose
