"""What can be set about a relay, and what may not be combined."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from msgspec import Struct

from pipeline.errors import ConfigError
from pipeline.model.delivery import RelayLimits
from pipeline.senders.options import OptionReader
from pipeline.senders.smtp.presets import PRESETS, Preset

SUBMISSION: Final = 587  # RFC 6409
SUBMISSIONS: Final = 465  # implicit TLS, RFC 8314
MOST: Final = 1_000_000_000  # messages a day, more than anybody sends

# A host name, or an address literal such as [192.0.2.1] (RFC 5321 4.1.3).
_HELLO = re.compile(r"\[[0-9A-Fa-fIPv:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?")


class Tls(StrEnum):
    """How the connection is protected; there is no "if the server offers it"."""

    STARTTLS = "starttls"  # required: no TLS, no mail
    IMPLICIT = "implicit"
    OFF = "off"


class Auth(StrEnum):
    """How we log in."""

    AUTO = "auto"  # the first of PLAIN and LOGIN that is offered
    PLAIN = "plain"
    LOGIN = "login"
    XOAUTH2 = "xoauth2"  # the password is an access token


class Deadlines(Struct, frozen=True, kw_only=True):
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
    name: str = ""  # as limits, ledger and messages call it; nothing: host:port
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    auth: Auth = Auth.AUTO
    hello: str | None = None  # our name in EHLO; None: the address literal of our end
    ca_file: Path | None = None  # certificates of a private authority, PEM
    pipelining: bool = True  # if the server offers it
    dsn: bool = False  # ask for delivery status notifications, if the server knows them
    connections: int = 10  # at most; Postfix takes half as much over forty
    messages_per_connection: int = 100
    weight: int = 1  # its share of the messages among relays
    backup: bool = False  # carries only while no other relay can
    limits: RelayLimits = field(default_factory=RelayLimits)
    deadlines: Deadlines = field(default_factory=Deadlines)
    reconnect_waits: tuple[float, ...] = (1.0, 2.0, 4.0)  # seconds; then the relay is down
    revive_wait: float = 60.0  # seconds until a relay that is down is asked again

    @property
    def place(self) -> str:
        """The relay as messages name it."""
        return self.name or f"{self.host}:{self.port}"


def read_options(options: Mapping[str, object]) -> tuple[SmtpOptions, ...]:
    """Read the options of `[sender]`: one relay, or several as `relays`.

    Without `tls`, a port of 465 means implicit TLS, a loopback host none, and anything else
    STARTTLS, which is then required.

    Raises:
        ConfigError: an option is missing, unknown, out of range or would show a password.
    """
    if "relays" not in options:
        return (_read_relay(options, "sender"),)
    reader = OptionReader(options)
    tables = reader.tables("relays")
    reader.done()  # what is said beside them would be said of none
    relays = tuple(
        _read_relay(table, f"sender.relays[{number}]") for number, table in enumerate(tables)
    )
    names = [relay.place for relay in relays]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise ConfigError(
                f"sender.relays[{number}].name: {name!r} is the name of another relay already"
            )
    if all(relay.backup for relay in relays):
        raise ConfigError("sender.relays: one of them must not be a backup")
    return relays


def is_loopback(host: str) -> bool:
    """Tell whether a connection to `host` stays on this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _read_relay(options: Mapping[str, object], place: str) -> SmtpOptions:
    reader = OptionReader(options, place)
    preset = PRESETS.get(reader.choice("preset", tuple(PRESETS)) or "", Preset())
    host = reader.text("host") or preset.host
    if host is None:
        raise reader.mistake("host", "missing; name the relay, such as smtp.example.org")
    chosen = reader.choice("tls", tuple(Tls))
    usual = _usual_port(host, chosen) if chosen == Tls.IMPLICIT else preset.port
    port = reader.number("port", usual or _usual_port(host, chosen), low=1, high=65535)
    ca_file = reader.text("ca_file")
    read = SmtpOptions(
        host=host,
        port=port,
        tls=Tls(chosen) if chosen else _usual_tls(host, port),
        name=reader.text("name") or "",
        user=reader.text("user"),
        password=reader.text("password"),
        auth=Auth(reader.choice("auth", tuple(Auth)) or Auth.AUTO),
        hello=reader.text("hello"),
        ca_file=Path(ca_file) if ca_file else None,
        pipelining=reader.choice("pipelining", ("auto", "off")) != "off",
        dsn=reader.flag("dsn"),
        connections=reader.number("connections", preset.connections or 10, low=1, high=1000),
        messages_per_connection=reader.number(
            "messages_per_connection", preset.messages_per_connection or 100, low=1, high=100_000
        ),
        weight=reader.number("weight", 1, low=1, high=1000),
        backup=reader.flag("backup"),
        limits=RelayLimits(
            rate=reader.rate("rate"),
            daily=reader.number("daily", 0, low=1, high=MOST) or None,
            warm_up=reader.numbers("warm_up", low=1, high=MOST),
            warm_up_from=reader.day("warm_up_from"),
        ),
        deadlines=Deadlines(
            connect=reader.number("connect_timeout", 30, low=1, high=600),
            reply=reader.number("timeout", 300, low=1, high=3600),
            dot=reader.number("dot_timeout", 600, low=1, high=3600),
        ),
    )
    reader.done()
    _refuse_contradictions(read, reader)
    return read


def _usual_port(host: str, tls: str | None) -> int:
    if tls == Tls.IMPLICIT:
        return SUBMISSIONS
    return 25 if is_loopback(host) else SUBMISSION


def _usual_tls(host: str, port: int) -> Tls:
    if port == SUBMISSIONS:
        return Tls.IMPLICIT
    return Tls.OFF if is_loopback(host) else Tls.STARTTLS


def _refuse_contradictions(options: SmtpOptions, reader: OptionReader) -> None:
    if (options.user is None) != (options.password is None):
        missing = "password" if options.password is None else "user"
        raise reader.mistake(missing, "missing; user and password belong together")
    if options.tls is Tls.OFF and options.user and not is_loopback(options.host):
        raise reader.mistake(
            "tls",
            f'"off" would send the password of {options.user} to {options.host} '
            "in the clear; remove it, or remove the login",
        )
    if options.hello is not None and not _HELLO.fullmatch(options.hello):
        raise reader.mistake("hello", f"{options.hello!r} is not a host name")
    if bool(options.limits.warm_up) != bool(options.limits.warm_up_from):
        missing = "warm_up" if options.limits.warm_up_from else "warm_up_from"
        raise reader.mistake(missing, "missing; the table and its first day belong together")
