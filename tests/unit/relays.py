"""Senders to a sink on loopback, and messages for them."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Coroutine
from typing import Any, Final

import uvloop
from msgspec.structs import replace

from pipeline.model.delivery import Envelope, Outcome, Outgoing
from pipeline.senders import smtp
from pipeline.senders.smtp import Smtp
from pipeline.senders.smtp.options import Deadlines
from pipeline.testing.carrying import ListedWork
from pipeline.testing.sink import SmtpSink

FROM: Final = "bounces@news.example.org"
MESSAGE: Final = b"Message-ID: <1@news.example.org>\r\nSubject: hello\r\n\r\nGood morning.\r\n"
# More than the kernel takes in before anybody reads.
LONG: Final = MESSAGE + b"0123456789 abcdef\r\n" * 1_500_000

Run = Callable[[Coroutine[Any, Any, None]], None]
LOOPS: Final[dict[str, Run]] = {"asyncio": asyncio.run, "uvloop": uvloop.run}


def sender_to(*sinks: SmtpSink, deadlines: Deadlines | None = None, **options: object) -> Smtp:
    """Return a sender to sinks, in the clear, that does not wait long before it tries again."""
    relays = [{"host": sink.host, "port": sink.port, **options} for sink in sinks]
    return hasty(smtp.build(relays[0] if len(relays) == 1 else {"relays": relays}), deadlines)


def hasty(sender: Smtp, deadlines: Deadlines | None = None) -> Smtp:
    """Return a sender that waits for nothing longer than a test can."""
    return replace(
        sender,
        relays=tuple(
            dataclasses.replace(
                relay,
                deadlines=deadlines or Deadlines(connect=10, reply=10, block=10, dot=10),
                reconnect_waits=(0.01, 0.02),
                revive_wait=0.05,
            )
            for relay in sender.relays
        ),
    )


def readers(count: int) -> list[str]:
    """Return so many different addresses."""
    return [f"r{number}@example.org" for number in range(count)]


def work_for(*recipients: str, message: bytes = MESSAGE, plain: bool = False) -> ListedWork:
    """Return one message for each recipient."""
    return ListedWork.of(
        ((Envelope(FROM, recipient), message) for recipient in recipients), plain=plain
    )


def carry(sender: Smtp, work: ListedWork, run: Run = asyncio.run) -> list[Outcome | None]:
    """Carry, and say what became of each message; None: it was given back too often."""
    run(sender.carry(work))
    assert not work.in_hand
    return work.results


def send(
    sender: Smtp, *recipients: str, message: bytes = MESSAGE, run: Run = asyncio.run
) -> list[Outcome | None]:
    """Send the same message to recipients."""
    return carry(sender, work_for(*recipients, message=message), run)


class Watched(ListedWork):
    """Work that somebody looks at when a body is about to leave."""

    def __init__(self, listed: list[Outgoing], look: Callable[[int], bool]) -> None:
        super().__init__(listed)
        self.kept: list[Outgoing] = []  # must not leave
        self._look = look  # how many began before -> whether this one may leave

    def start(self, outgoing: Outgoing) -> bool:
        """Ask whether the body may leave."""
        if len(self.kept) or self._look(len(self.started)):
            return super().start(outgoing)
        self.in_hand.remove(outgoing)
        self.kept.append(outgoing)
        return False
