"""What the sink announces and how it misbehaves: values only."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from enum import StrEnum


class At(StrEnum):
    """The moments of a dialogue at which a rule may speak."""

    GREETING = "greeting"
    EHLO = "EHLO"
    HELO = "HELO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"  # the last answer of a login
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    BODY = "body"  # while the message comes in; see `Rule.after_bytes`
    DOT = "dot"  # once for each message, when it is complete
    RSET = "RSET"
    QUIT = "QUIT"


class Each(StrEnum):
    """Over what a rule counts its moments."""

    SINK = "sink"
    CONNECTION = "connection"
    RECIPIENT = "recipient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What to do at some moments instead of the usual."""

    at: At
    reply: str | bytes | None = None  # str: a line, or several; bytes: as they are; None: as usual
    recipient: str = "*"  # shell pattern; matters from RCPT to DOT
    skip: int = 0  # how many such moments pass before this rule speaks
    times: int | None = None  # for how many moments it speaks; None: for ever
    each: Each = Each.SINK
    delay_s: float = 0.0  # before the reply
    deaf: bool = False  # with delay_s: nothing is read until then, so the window closes
    drip_s: float = 0.0  # before each byte of the reply
    drop: bool = False  # close the connection after the reply
    after_bytes: int = 0  # BODY: how much comes in before anything happens
    keep: bool = False  # DOT: take the message although the reply does not say so


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One mail server; the default one takes everything."""

    rules: tuple[Rule, ...] = ()  # the first one that speaks wins
    extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SMTPUTF8")
    size: int | None = 52_428_800  # octets announced and enforced; None: SIZE is not offered
    tls: ssl.SSLContext | None = None  # offers STARTTLS
    implicit_tls: bool = False  # with `tls`: from the first byte, and no STARTTLS
    login: tuple[str, str] | None = None  # user and password; MAIL is refused without
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN")  # offered if there is a login


def refuse(recipient: str, reply: str = "550 5.1.1 no such mailbox") -> Rule:
    """Refuse every recipient that matches a shell pattern."""
    return Rule(at=At.RCPT, reply=reply, recipient=recipient)


def greylist(times: int = 1, reply: str = "451 4.7.1 greylisted, come back later") -> Rule:
    """Put off each recipient so many times."""
    return Rule(at=At.RCPT, reply=reply, times=times, each=Each.RECIPIENT)


def close_after(messages: int, reply: str = "421 4.7.0 too many messages") -> Rule:
    """Take so many messages on each connection, and then leave."""
    return Rule(at=At.MAIL, reply=reply, skip=messages, each=Each.CONNECTION, drop=True)


def cut_in_body(after_bytes: int, times: int | None = 1) -> Rule:
    """Drop the connection when so many bytes of a message have come in."""
    return Rule(at=At.BODY, reply=b"", after_bytes=after_bytes, times=times, drop=True)


def cut_at_dot(*, keep: bool, times: int | None = 1, skip: int = 0) -> Rule:
    """Drop the connection instead of answering a message, having taken it or not."""
    return Rule(at=At.DOT, reply=b"", keep=keep, times=times, skip=skip, drop=True)
