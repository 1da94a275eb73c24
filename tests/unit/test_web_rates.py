"""Counting requests, and the networks they are counted by."""

from __future__ import annotations

from datetime import date

import pytest

from pipeline.audience.secrets import Keys
from pipeline.web.client import ClientKeys, loopback, network
from pipeline.web.rates import _MOST_KEYS, LIMITS, Rates, Rule


class Hands:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        """Return the time it shows."""
        return self.now_s


@pytest.mark.parametrize("rule", Rule)
def test_a_window_lets_its_number_through_and_no_more(rule: Rule) -> None:
    """The limit holds in any window, and what was turned away does not prolong it."""
    hands = Hands()
    rates = Rates(hands)
    most, window_s = LIMITS[rule]

    first = [rates.allow(rule, "a") for _ in range(most + 10)]
    hands.now_s += window_s - 0.001
    just_before = rates.allow(rule, "a")
    hands.now_s += 0.001
    after = rates.allow(rule, "a")

    assert first == [True] * most + [False] * 10
    assert (just_before, after) == (False, True)


def test_a_window_moves() -> None:
    """Two bursts around the edge of a clock hour are not twice the limit."""
    hands = Hands()
    rates = Rates(hands)
    most, window_s = LIMITS[Rule.SUBSCRIBE_NETWORK]

    [rates.allow(Rule.SUBSCRIBE_NETWORK, "a") for _ in range(most - 1)]
    hands.now_s += window_s / 2
    late = [rates.allow(Rule.SUBSCRIBE_NETWORK, "a") for _ in range(2)]
    hands.now_s += window_s / 2
    again = [rates.allow(Rule.SUBSCRIBE_NETWORK, "a") for _ in range(most)]

    assert late == [True, False]
    assert again == [True] * (most - 1) + [False]


def test_one_network_has_at_most_a_tenth_of_what_everybody_has() -> None:
    """Nobody who has a /48 or a /16 can lock the form for the rest."""
    wide, world = LIMITS[Rule.SUBSCRIBE_WIDE], LIMITS[Rule.SUBSCRIBE_WORLD]

    assert wide.most * 10 <= world.most
    assert wide.window_s == world.window_s
    assert LIMITS[Rule.SUBSCRIBE_DOMAIN].most > wide.most  # nor for a domain


def test_keys_and_rules_do_not_share() -> None:
    """What one network does costs no other."""
    rates = Rates(Hands())
    most, _ = LIMITS[Rule.SUBSCRIBE_ADDRESS]
    [rates.allow(Rule.SUBSCRIBE_ADDRESS, "a") for _ in range(most)]

    assert not rates.allow(Rule.SUBSCRIBE_ADDRESS, "a")
    assert rates.allow(Rule.SUBSCRIBE_ADDRESS, "b")
    assert rates.allow(Rule.SUBSCRIBE_NETWORK, "a")


def test_memory_is_bounded() -> None:
    """An attacker with many networks fills a table that has an end."""
    rates = Rates(Hands())

    for number in range(_MOST_KEYS + 100):
        rates.allow(Rule.SUBSCRIBE_NETWORK, str(number))

    assert len(rates._seen[Rule.SUBSCRIBE_NETWORK]) == _MOST_KEYS
    assert "0" not in rates._seen[Rule.SUBSCRIBE_NETWORK]


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        (None, "unknown"),
        ("testclient", "unknown"),
    ],
)
def test_an_address_counts_as_its_network(host: str | None, wanted: str) -> None:
    """Nobody escapes a limit with another address of their own, or with none."""
    assert network(host) == wanted


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("192.0.2.77", "192.0.0.0/16"),
        ("::ffff:192.0.2.77", "192.0.0.0/16"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        (None, "unknown"),
    ],
)
def test_a_wide_network_is_what_one_customer_has(host: str | None, wanted: str) -> None:
    """A /56 or a /20 of somebody's is inside of one."""
    assert network(host, wide=True) == wanted


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("127.0.0.1", True),
        ("127.255.0.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("::ffff:192.0.2.1", False),
        ("::", False),
        ("0.0.0.0", False),
        ("localhost", False),
        ("", False),
        (None, False),
    ],
)
def test_only_addresses_of_the_loopback_are_this_machine(host: str | None, wanted: bool) -> None:
    """A name, or nothing, is somebody else."""
    assert loopback(host) is wanted


def test_a_client_is_known_for_a_day_and_only_with_the_key() -> None:
    """Two requests of a network are one client today; tomorrow, and elsewhere, another."""
    clients = ClientKeys(Keys((b"a" * 32,)))
    today, tomorrow = date(2026, 11, 22), date(2026, 11, 23)

    assert clients("192.0.2.7", today) == clients("192.0.2.99", today)
    assert len(clients("192.0.2.7", today)) == 16
    others = {
        clients("192.0.2.7", tomorrow),
        clients("198.51.100.7", today),
        ClientKeys(Keys((b"b" * 32,)))("192.0.2.7", today),
    }
    assert clients("192.0.2.7", today) not in others
    assert len(others) == 3
