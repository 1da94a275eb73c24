"""What the sink announces and how it misbehaves: values only."""

from __future__ import annotations

import math
import ssl
from enum import StrEnum

from msgspec import Struct


class At(StrEnum):
    """The moments of a dialogue at which a rule may speak."""

    STREAM = "stream"  # once a connection, when `Rule.after_bytes` of it have come in
    GREETING = "greeting"
    EHLO = "EHLO"
    HELO = "HELO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"  # the last answer of a login
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    BODY = "body"  # while the message comes in; see `Rule.after_bytes`
    END = "end"  # the final dot is here and its line end is not
    DOT = "dot"  # once for each message, when it is complete
    RSET = "RSET"
    QUIT = "QUIT"


class Each(StrEnum):
    """Over what a rule counts its moments."""

    SINK = "sink"
    CONNECTION = "connection"
    RECIPIENT = "recipient"


class Rule(Struct, frozen=True, kw_only=True):
    """What to do at some moments instead of the usual."""

    at: At
    reply: str | bytes | None = None  # str: a line, or several; bytes: as they are; None: as usual
    recipient: str = "*"  # shell pattern; matters from RCPT to DOT
    faster_than: float | None = None  # speaks only if more such moments come in a second
    busier_than: int | None = None  # speaks only while more connections are open
    skip: int = 0  # how many such moments pass before this rule speaks
    times: int | None = None  # for how many moments it speaks; None: for ever
    each: Each = Each.SINK
    delay_s: float = 0.0  # before the reply; `math.inf` is never
    deaf: bool = False  # with delay_s: nothing is read until then, so the window closes
    drip_s: float = 0.0  # before each byte of the reply
    drop: bool = False  # close the connection after the reply
    reset: bool = False  # with drop: by RST, so that what is on its way is lost
    after_bytes: int = 0  # STREAM, BODY: how much comes in before anything happens
    keep: bool = False  # DOT: take the message although the reply does not say so


class Plan(Struct, frozen=True, kw_only=True):
    """One mail server; the default one takes everything."""

    rules: tuple[Rule, ...] = ()  # the first one that speaks wins
    extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SMTPUTF8")
    size: int | None = 52_428_800  # octets announced and enforced; None: SIZE is not offered
    tls: ssl.SSLContext | None = None  # offers STARTTLS
    implicit_tls: bool = False  # with `tls`: from the first byte, and no STARTTLS
    login: tuple[str, str] | None = None  # user and password or token; MAIL is refused without
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN")  # offered if there is a login; or XOAUTH2
    # Hangs up on input before its turn (OpenSMTPD): anything, if PIPELINING is not among the
    # extensions, and otherwise a body that did not wait for the 354 (Exim).
    strict: bool = False
    # Announces PIPELINING, and resets the connection when a group of commands comes (FrontBridge).
    resets_groups: bool = False
    window_bytes: int | None = None  # receive buffer of a connection; None: the system's


def refuse(recipient: str, reply: str = "550 5.1.1 no such mailbox") -> Rule:
    """Refuse every recipient that matches a shell pattern."""
    return Rule(at=At.RCPT, reply=reply, recipient=recipient)


def greylist(times: int = 1, reply: str = "451 4.7.1 greylisted, come back later") -> Rule:
    """Put off each recipient so many times."""
    return Rule(at=At.RCPT, reply=reply, times=times, each=Each.RECIPIENT)


def close_after(messages: int, reply: str = "421 4.7.0 too many messages") -> Rule:
    """Take so many messages on each connection, and then leave."""
    return Rule(at=At.MAIL, reply=reply, skip=messages, each=Each.CONNECTION, drop=True)


def throttle(
    rate: float, reply: str = "454 4.7.0 Throttling failure: Maximum sending rate exceeded"
) -> Rule:
    """Refuse what comes faster than so many messages a second, over all connections."""
    return Rule(at=At.MAIL, reply=reply, faster_than=rate)


def crowded(connections: int, reply: str = "421 4.7.0 too many connections") -> Rule:
    """Greet so many connections at a time, and send the others away."""
    return Rule(at=At.GREETING, reply=reply, busier_than=connections, drop=True)


def cut_after(received: int, times: int | None = 1) -> Rule:
    """Drop the connection when so many bytes of it have come in, whatever they are."""
    return Rule(at=At.STREAM, reply=b"", after_bytes=received, times=times, drop=True)


def cut_in_body(after_bytes: int, times: int | None = 1) -> Rule:
    """Drop the connection when so many bytes of a message have come in."""
    return Rule(at=At.BODY, reply=b"", after_bytes=after_bytes, times=times, drop=True)


def cut_at_end(times: int | None = 1, skip: int = 0) -> Rule:
    """Drop the connection between the final dot and its line end; nothing is taken."""
    return Rule(at=At.END, reply=b"", times=times, skip=skip, drop=True)


def cut_at_dot(*, keep: bool, times: int | None = 1, skip: int = 0) -> Rule:
    """Drop the connection instead of answering a message, having taken it or not."""
    return Rule(at=At.DOT, reply=b"", keep=keep, times=times, skip=skip, drop=True)


def stop_reading(after_bytes: int = 0, times: int | None = 1) -> Rule:
    """Read no more of a message after so many bytes; see also `Plan.window_bytes`."""
    return Rule(
        at=At.BODY, reply=b"", after_bytes=after_bytes, times=times, delay_s=math.inf, deaf=True
    )
