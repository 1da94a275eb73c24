"""What can be set about a relay, and what may not be combined."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from pipeline.errors import ConfigError
from pipeline.senders.options import OptionReader

SUBMISSION: Final = 587  # RFC 6409
SUBMISSIONS: Final = 465  # implicit TLS, RFC 8314

# A host name, or an address literal such as [192.0.2.1] (RFC 5321 4.1.3).
_HELLO = re.compile(r"\[[0-9A-Fa-fIPv:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?")


class Tls(StrEnum):
    """How the connection is protected; there is no "if the server offers it"."""

    STARTTLS = "starttls"  # required: no TLS, no mail
    IMPLICIT = "implicit"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds until a reply must be complete, however slowly it drips (RFC 5321 4.5.3.2)."""

    connect: float = 30.0
    reply: float = 300.0
    block: float = 180.0  # for each 64 KiB of the message to be taken
    dot: float = 600.0  # shorter makes duplicates: the server may be busy accepting


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpOptions:
    """One relay and our account there."""

    host: str
    port: int
    tls: Tls
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    hello: str | None = None  # our name in EHLO; None: the address literal of our end
    ca_file: Path | None = None  # certificates of a private authority, PEM
    messages_per_connection: int = 100
    deadlines: Deadlines = Deadlines()

    @property
    def place(self) -> str:
        """The relay as messages name it."""
        return f"{self.host}:{self.port}"


def read_options(options: Mapping[str, object]) -> SmtpOptions:
    """Read the options of `[sender]`.

    Without `tls`, a port of 465 means implicit TLS, a loopback host none, and anything else
    STARTTLS, which is then required.

    Raises:
        ConfigError: an option is missing, unknown, out of range or would show a password.
    """
    reader = OptionReader(options)
    host = reader.text("host")
    if host is None:
        raise ConfigError("sender.host: missing; name the relay, such as smtp.example.org")
    chosen = reader.choice("tls", tuple(Tls))
    port = reader.number("port", _usual_port(host, chosen), low=1, high=65535)
    ca_file = reader.text("ca_file")
    read = SmtpOptions(
        host=host,
        port=port,
        tls=Tls(chosen) if chosen else _usual_tls(host, port),
        user=reader.text("user"),
        password=reader.text("password"),
        hello=reader.text("hello"),
        ca_file=Path(ca_file) if ca_file else None,
        messages_per_connection=reader.number("messages_per_connection", 100, low=1, high=100_000),
        deadlines=Deadlines(
            connect=reader.number("connect_timeout", 30, low=1, high=600),
            reply=reader.number("timeout", 300, low=1, high=3600),
            dot=reader.number("dot_timeout", 600, low=1, high=3600),
        ),
    )
    reader.done()
    _refuse_contradictions(read)
    return read


def is_loopback(host: str) -> bool:
    """Tell whether a connection to `host` stays on this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _usual_port(host: str, tls: str | None) -> int:
    if tls == Tls.IMPLICIT:
        return SUBMISSIONS
    return 25 if is_loopback(host) else SUBMISSION


def _usual_tls(host: str, port: int) -> Tls:
    if port == SUBMISSIONS:
        return Tls.IMPLICIT
    return Tls.OFF if is_loopback(host) else Tls.STARTTLS


def _refuse_contradictions(options: SmtpOptions) -> None:
    if (options.user is None) != (options.password is None):
        missing = "password" if options.password is None else "user"
        raise ConfigError(f"sender.{missing}: missing; user and password belong together")
    if options.tls is Tls.OFF and options.user and not is_loopback(options.host):
        raise ConfigError(
            f'sender.tls: "off" would send the password of {options.user} to {options.host} '
            "in the clear; remove it, or remove the login"
        )
    if options.hello is not None and not _HELLO.fullmatch(options.hello):
        raise ConfigError(f"sender.hello: {options.hello!r} is not a host name")
