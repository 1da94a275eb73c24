"""The quick look at an address in the settings agrees with the thorough one."""

from __future__ import annotations

from typing import Final

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, target
from hypothesis import strategies as st

from pipeline.settings.values import _checked, _is_plain

# What the pattern is made of, and what stands near its borders.
_PIECES: Final = (
    *("a", "ada", "A", "7", "_", "+", "-", ".", "..", "--", "xn--", "@", "x" * 60, "y" * 30),
    *("example", ".org", ".net", ".test", ".local", ".localhost", ".invalid", ".onion", ".arpa"),
    *("localhost", "test", "1", "127.0.0.1", "[::1]", " ", "\n", "\0", "ü", "\u0430", "\u200b"),
    *('"', "'", "!", "%", "/", "=", "<", ">", ",", "(", ")", "\\"),
)
_LABEL: Final = st.text("abcz019-", min_size=1, max_size=64)
_LOCAL: Final = st.text("aZ09_+-.", min_size=1, max_size=66)
_ENDS: Final = ("org", "net", "test", "local", "localhost", "invalid", "onion", "arpa", "xn--p1ai")
_ENDING: Final = st.sampled_from(_ENDS)
NEARLY: Final = st.builds(
    lambda local, labels, ending: f"{local}@{'.'.join([*labels, ending])}",
    _LOCAL,
    st.lists(_LABEL, min_size=1, max_size=6),
    _ENDING | _LABEL,
)
ANY: Final = st.lists(st.sampled_from(_PIECES), max_size=10).map("".join)


@given(NEARLY | ANY | st.text(max_size=20) | st.emails())
@example("ada@example.org")
@example("ada@example.org\n")
@example(f"{'x' * 64}@example.org")
@example(f"{'x' * 65}@example.org")
@example(f"ada@{'x' * 63}.org")
@example(f"ada@{'x' * 64}.org")
@example(f"{'x' * 64}@{'y' * 63}.{'y' * 63}.{'y' * 57}.org")
@example(f"{'x' * 64}@{'y' * 63}.{'y' * 63}.{'y' * 58}.org")
@example("ada@xn--80ak6aa92e.org")
@example("ada@xn--.org")
@example("ada@ab--cd.org")
@example("ada@1.2.3.4")
@example("ada@example.test")
@example("ada@example.home.arpa")
def test_what_is_plain_is_returned_as_it_is(address: str) -> None:
    """Of each address the pattern takes, the validator says the same, and changes no letter."""
    target(float(_is_plain(address)))
    if _is_plain(address):
        checked = validate_email(address, check_deliverability=False, allow_smtputf8=False)

        assert checked.normalized == checked.ascii_email == address
        assert _checked(address) == address


@given(NEARLY)
def test_what_nobody_can_be_written_to_is_not_plain(address: str) -> None:
    """The other way round: what the validator refuses is never taken by the pattern."""
    try:
        validate_email(address, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        assert not _is_plain(address)


@pytest.mark.parametrize(
    "address",
    ["ada@example.org", "a.b+c_d-e@news.example.org", "ADA@a-b.example.net", "1@2.example.org"],
)
def test_what_most_people_write_is_plain(address: str) -> None:
    """The pattern is there to spare them the validator, so it has to take theirs."""
    assert _is_plain(address)
