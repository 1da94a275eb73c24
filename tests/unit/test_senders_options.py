from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.senders import console, eml, smtp
from pipeline.senders.smtp.options import SmtpOptions, Tls, read_options


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
    read = read_options(options)

    assert (read.port, read.tls) == (port, tls)


def test_the_environment_gives_numbers_as_text() -> None:
    """A port that comes from a variable is a number all the same."""
    assert read_options({"host": "smtp.example.org", "port": "2525"}).port == 2525


def test_deadlines_are_the_long_ones() -> None:
    """After the final dot we wait ten minutes, or a slow server makes duplicates."""
    assert read_options({"host": "smtp.example.org"}).deadlines.dot == 600


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "sender.host: missing"),
        ({"host": ""}, "sender.host: missing"),
        ({"host": "a\r\nb"}, "sender.host: expected one line"),
        ({"host": 25}, "sender.host: expected one line"),
        ({"host": "h", "prot": 25}, "sender.prot: unknown option; did you mean port?"),
        ({"host": "h", "zzz": 1}, "sender.zzz: unknown option; known: host"),
        ({"host": "h", "port": 0}, "from 1 to 65535, not 0"),
        ({"host": "h", "port": "smtp"}, "not 'smtp'"),
        ({"host": "h", "port": True}, "not True"),
        ({"host": "h", "tls": "yes"}, "'yes' is not one of starttls, implicit, off"),
        ({"host": "h", "user": "ada"}, "sender.password: missing"),
        ({"host": "h", "password": "secret"}, "sender.user: missing"),
        ({"host": "h", "tls": "off", "user": "u", "password": "secret"}, "in the clear"),
        ({"host": "h", "hello": "a b"}, "is not a host name"),
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
    read = read_options({"host": "127.0.0.1", "user": "ada", "password": "secret"})

    assert read.tls is Tls.OFF


def test_a_password_has_no_repr() -> None:
    """A traceback or a log of the options shows no password."""
    sender = smtp.build({"host": "127.0.0.1", "user": "ada", "password": "secret"})

    assert isinstance(sender.options, SmtpOptions)
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
