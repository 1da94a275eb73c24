from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.model.delivery import RelayLimits
from pipeline.senders import console, eml, smtp
from pipeline.senders.smtp.options import Auth, SmtpOptions, Tls, read_options
from pipeline.senders.smtp.presets import PRESETS


def read(options: dict[str, object]) -> SmtpOptions:
    """Read the options of one relay."""
    (relay,) = read_options(options)
    return relay


@pytest.mark.parametrize(
    ("options", "port", "tls"),
    [
        ({"host": "smtp.example.org"}, 587, Tls.STARTTLS),
        ({"host": "smtp.example.org", "port": 465}, 465, Tls.IMPLICIT),
        ({"host": "smtp.example.org", "tls": "implicit"}, 465, Tls.IMPLICIT),
        ({"host": "smtp.example.org", "port": 2525}, 2525, Tls.STARTTLS),
        ({"host": "smtp.example.org", "tls": "off"}, 587, Tls.OFF),
        ({"host": "localhost"}, 25, Tls.OFF),
        ({"host": "127.0.0.1"}, 25, Tls.OFF),
        ({"host": "::1", "tls": "starttls"}, 25, Tls.STARTTLS),
        ({"host": "localhost.example.org"}, 587, Tls.STARTTLS),
    ],
)
def test_tls_is_required_unless_somebody_says_otherwise(
    options: dict[str, object], port: int, tls: Tls
) -> None:
    """Only loopback, or the word "off", goes in the clear."""
    relay = read(options)

    assert (relay.port, relay.tls) == (port, tls)


def test_the_environment_gives_numbers_as_text() -> None:
    """A port that comes from a variable is a number all the same."""
    assert read({"host": "smtp.example.org", "port": "2525"}).port == 2525


def test_deadlines_are_the_long_ones() -> None:
    """After the final dot we wait ten minutes, or a slow server makes duplicates."""
    assert read({"host": "smtp.example.org"}).deadlines.dot == 600


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "sender.host: missing"),
        ({"host": ""}, "sender.host: missing"),
        ({"host": "a\r\nb"}, "sender.host: expected one line"),
        ({"host": 25}, "sender.host: expected one line"),
        ({"host": "h", "prot": 25}, "sender.prot: unknown option; did you mean port?"),
        ({"host": "h", "zzz": 1}, "sender.zzz: unknown option; known: preset, host"),
        ({"host": "h", "port": 0}, "from 1 to 65535, not 0"),
        ({"host": "h", "port": "smtp"}, "not 'smtp'"),
        ({"host": "h", "port": True}, "not True"),
        ({"host": "h", "tls": "yes"}, "'yes' is not one of starttls, implicit, off"),
        ({"host": "h", "user": "ada"}, "sender.password: missing"),
        ({"host": "h", "password": "secret"}, "sender.user: missing"),
        ({"host": "h", "tls": "off", "user": "u", "password": "secret"}, "in the clear"),
        ({"host": "h", "hello": "a b"}, "is not a host name"),
        ({"host": "h", "pipelining": "on"}, "'on' is not one of auto, off"),
        ({"host": "h", "auth": "cram"}, "is not one of auto, plain, login, xoauth2"),
        ({"host": "h", "preset": "sess"}, "'sess' is not one of brevo, "),
        ({"preset": "ses"}, "sender.host: missing"),
        ({"host": "h", "connections": 0}, "from 1 to 1000, not 0"),
        ({"host": "h", "rate": "fast"}, "sender.rate: expected a rate such as"),
        ({"host": "h", "rate": "14/d"}, "not '14/d'"),
        ({"host": "h", "rate": 0}, "not 0"),
        ({"host": "h", "rate": float("nan")}, "not nan"),
        ({"host": "h", "rate": True}, "not True"),
        ({"host": "h", "daily": -1}, "not -1"),
        ({"host": "h", "dsn": "perhaps"}, "expected true or false, not 'perhaps'"),
        ({"host": "h", "warm_up": [50]}, "sender.warm_up_from: missing"),
        ({"host": "h", "warm_up_from": "2027-01-31"}, "sender.warm_up: missing"),
        ({"host": "h", "warm_up": 50, "warm_up_from": "2027-01-31"}, "expected a list"),
        ({"host": "h", "warm_up": ["x"], "warm_up_from": "2027-01-31"}, "not 'x'"),
        ({"host": "h", "warm_up": [50], "warm_up_from": "soon"}, "expected a date"),
        ({"relays": []}, "sender.relays: expected one table or more"),
        ({"relays": ["h"]}, "sender.relays: expected one table or more"),
        ({"relays": [{"host": "h"}], "host": "i"}, "sender.host: unknown option"),
        ({"relays": [{"host": "h"}, {"prot": 1}]}, "sender.relays[1].host: missing"),
        ({"relays": [{"host": "h", "prot": 1}]}, "sender.relays[0].prot: unknown"),
        ({"relays": [{"host": "h"}, {"host": "h"}]}, "'h:587' is the name of another relay"),
        ({"relays": [{"host": "h", "backup": True}]}, "must not be a backup"),
        ({"relays": [{"host": "h", "weight": 0}]}, "sender.relays[0].weight: expected"),
    ],
)
def test_a_mistake_names_its_setting(options: dict[str, object], problem: str) -> None:
    """A wrong option stops before anything connects, and no message shows the password."""
    with pytest.raises(ConfigError) as mistake:
        smtp.build(options)

    assert problem in str(mistake.value)
    assert "secret" not in str(mistake.value)


def test_a_login_without_tls_stays_on_this_machine() -> None:
    """A relay on loopback may ask for a password in the clear."""
    relay = read({"host": "127.0.0.1", "user": "ada", "password": "secret"})

    assert relay.tls is Tls.OFF


def test_a_password_has_no_repr() -> None:
    """A traceback or a log of the options shows no password."""
    sender = smtp.build({"host": "127.0.0.1", "user": "ada", "password": "secret"})

    assert "secret" not in repr(sender)


def test_a_private_authority_is_a_file(tmp_path: Path) -> None:
    """A file of certificates that cannot be read is a mistake in the settings."""
    with pytest.raises(ConfigError, match=r"sender\.ca_file: .*missing\.pem"):
        smtp.build({"host": "smtp.example.org", "ca_file": str(tmp_path / "missing.pem")})


def test_the_other_senders_know_their_options_too() -> None:
    """The folder has one option and the console none."""
    assert eml.build({}).folder == Path("data/mail")
    with pytest.raises(ConfigError, match="did you mean folder"):
        eml.build({"foldr": "mail"})
    with pytest.raises(ConfigError, match=r"sender\.colour: unknown option"):
        console.build({"colour": "red"})


@pytest.mark.parametrize(
    ("rate", "a_second"),
    [("14/s", 14.0), ("600/min", 10.0), ("5400/h", 1.5), ("2.5 / s", 2.5), ("7", 7.0), (3, 3.0)],
)
def test_a_rate_is_read_as_people_write_it(rate: object, a_second: float) -> None:
    """A rate names its unit, or is a number a second."""
    assert read({"host": "h", "rate": rate}).limits.rate == a_second


def test_the_environment_gives_everything_as_text() -> None:
    """Switches, lists and dates may come from variables."""
    relay = read(
        {
            "host": "h",
            "connections": "3",
            "dsn": "true",
            "backup": "false",
            "auth": "login",
            "daily": "5000",
            "warm_up": "50, 100,200",
            "warm_up_from": "2027-01-31",
        }
    )

    assert (relay.connections, relay.dsn, relay.backup) == (3, True, False)
    assert relay.auth is Auth.LOGIN
    assert relay.limits == RelayLimits(
        daily=5000, warm_up=(50, 100, 200), warm_up_from=date(2027, 1, 31)
    )


def test_a_preset_fills_in_and_what_is_set_wins() -> None:
    """Nobody has to look up a relay, and nobody is overruled."""
    usual = read({"preset": "mailersend"})
    own = read({"preset": "mailersend", "host": "h", "messages_per_connection": 7, "port": 2525})

    assert (usual.host, usual.port, usual.tls) == ("smtp.mailersend.net", 587, Tls.STARTTLS)
    assert usual.messages_per_connection == 5
    assert (own.host, own.port, own.messages_per_connection) == ("h", 2525, 7)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_encrypted(name: str) -> None:
    """No relay out in the world is spoken to in the clear because of a preset."""
    assert read({"preset": name, "host": "smtp.example.org"}).tls is not Tls.OFF
