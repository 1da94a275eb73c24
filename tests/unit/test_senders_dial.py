"""From a host name to an address that answers: what name servers and dead addresses do to us."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from typing import Any, Final

import pytest

from pipeline.errors import SenderUnavailable
from pipeline.model.delivery import Accepted
from pipeline.senders import smtp
from pipeline.senders.fault import SenderFault
from pipeline.senders.smtp import Smtp
from pipeline.senders.smtp.options import Deadlines
from pipeline.testing.sink import HOST, SmtpSink
from tests.unit.relays import carry, hasty, work_for

NAME: Final = "relay.example.net"
# "Not now" of a resolver, in the words of the C library.
SERVFAIL: Final = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
SHORT: Final = Deadlines(connect=0.2, reply=10, block=10, dot=10)

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
# What a name server says to the first question, the second, ...; the last one repeats.
Zone = Callable[..., list[str]]


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Zone:
    """Be the name server of the event loop; give what sets its answers and lists the questions.

    An answer is a list of addresses with ports, an error, or None: none ever comes.
    """

    def serve(*answers: list[AddressInfo] | Exception | None) -> list[str]:
        asked: list[str] = []

        async def getaddrinfo(
            loop: asyncio.AbstractEventLoop, host: str, port: int, **_: object
        ) -> list[AddressInfo]:
            del port
            asked.append(host)
            answer = answers[min(len(asked), len(answers)) - 1]
            if isinstance(answer, Exception):
                raise answer
            if answer is None:
                await loop.create_future()
            return answer or []

        monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
        return asked

    return serve


@pytest.fixture
def closed() -> Iterator[Callable[[str], AddressInfo]]:
    """Give what takes a port of an address, so that nobody else can, and refuses every call."""
    with ExitStack() as taken:

        def take(address: str) -> AddressInfo:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            try:
                door = taken.enter_context(socket.socket(family))
                door.bind((address, 0))
            except OSError:  # no IPv6 here: that address answers even less
                return at(address, 9)
            return at(address, door.getsockname()[1])

        yield take


@pytest.fixture
def silent() -> Iterator[AddressInfo]:
    """Give an address that says neither yes nor no, as a black hole does it.

    Linux takes one call more than the backlog, and leaves further ones without an answer.
    """
    with socket.socket() as door, ExitStack() as callers:
        door.bind((HOST, 0))
        door.listen(0)
        while True:
            caller = callers.enter_context(socket.socket())
            caller.settimeout(0.1)
            try:
                caller.connect(door.getsockname())
            except TimeoutError:
                break
        yield at(HOST, door.getsockname()[1])


def at(address: str, port: int) -> AddressInfo:
    """Return an address as a resolver does."""
    if ":" in address:
        return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port, 0, 0)
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)


def sender(deadlines: Deadlines | None = None) -> Smtp:
    """Return a sender to a relay that only the zone knows."""
    return hasty(smtp.build({"host": NAME, "tls": "off"}), deadlines)


@pytest.mark.parametrize("others", [["::1"], [HOST], ["::1", HOST, "::1"]])
def test_an_address_that_refuses_is_passed_over(
    zone: Zone, closed: Callable[[str], AddressInfo], others: list[str]
) -> None:
    """Of several addresses one that answers is enough, wherever it stands in the list."""
    with SmtpSink() as sink:
        asked = zone([*map(closed, others), at(HOST, sink.port)])
        outcomes = carry(sender(), work_for("ada@example.org", "bob@example.org"))

    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted]
    assert [message.recipient for message in sink.messages] == [
        "ada@example.org",
        "bob@example.org",
    ]
    assert set(asked) == {NAME}


def test_an_address_that_is_silent_holds_nobody_up(zone: Zone, silent: AddressInfo) -> None:
    """The next one is tried beside it, long before the deadline (RFC 8305)."""
    with SmtpSink() as sink:
        zone([silent, at(HOST, sink.port)])
        outcomes = carry(sender(), work_for("ada@example.org"))

    assert [type(outcome) for outcome in outcomes] == [Accepted]


def test_nothing_but_silence_meets_the_deadline(zone: Zone, silent: AddressInfo) -> None:
    """A black hole is an outage, and nobody is to blame."""
    zone([silent])
    refused(sender(SHORT), "took too long to connect")


def test_addresses_that_all_refuse_are_an_outage(
    zone: Zone, closed: Callable[[str], AddressInfo]
) -> None:
    """The reason is said once, with the relay's name."""
    zone([closed("::1"), closed(HOST)])
    refused(sender(), r"^relay\.example\.net:587: Connection refused$")


def test_a_name_server_that_fails_is_an_outage(zone: Zone) -> None:
    """SERVFAIL says nothing about the name: it is asked again, and then waited for."""
    asked = zone(SERVFAIL)
    refused(sender(), "the host is not found: Temporary failure in name resolution")

    assert len(asked) == 3  # the first time, and after each of the waits


def test_a_name_server_that_recovers_costs_nothing(zone: Zone) -> None:
    """The mail goes in the same run, once."""
    with SmtpSink() as sink:
        asked = zone(SERVFAIL, SERVFAIL, [at(HOST, sink.port)])
        outcomes = carry(sender(), work_for("ada@example.org"))

    assert [type(outcome) for outcome in outcomes] == [Accepted]
    assert sink.count == 1
    assert len(asked) == 3


def test_a_question_without_an_answer_meets_the_deadline(zone: Zone) -> None:
    """The time to connect counts from the question on."""
    asked = zone(None)
    refused(sender(SHORT), "took too long to connect")

    assert len(asked) == 3


def within_seconds(carrying: Coroutine[Any, Any, None]) -> None:
    """Run to its end, or break off: a deadline that is missing must fail and not hang."""
    asyncio.run(asyncio.wait_for(carrying, 20))


def refused(closed_way: Smtp, reason: str) -> None:
    """Hold that an outage marks nobody: no body began, no outcome, nothing in hand, no fault."""
    work = work_for("ada@example.org", "bob@example.org")
    with pytest.raises(SenderUnavailable, match=reason) as outage:
        carry(closed_way, work, within_seconds)

    assert not isinstance(outage.value, SenderFault)
    assert work.results == [None, None]
    assert not work.started
    assert not work.in_hand
