"""An SMTP server on loopback that takes mail, counts it, and misbehaves on request."""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Final, Self

from pipeline.testing.dialogue import Dialogue
from pipeline.testing.inbox import Inbox, Keep, Received
from pipeline.testing.plan import At, Plan, Rule
from pipeline.testing.script import Script
from pipeline.testing.wire import Wire

HOST: Final = "127.0.0.1"
_EVERYTHING_FITS: Final = Plan()


class SmtpSink:
    """A sink in a thread of its own.

        with SmtpSink(Plan(rules=(refuse("bad@*"),))) as sink:
            ...  # send to sink.host, sink.port
            print(sink.messages)

    Args:
        plan: what to announce and how to misbehave.
        audit: a file that gets a JSON line for each message before the sender hears of it, so
            that it can be counted who got what although the sender was killed.
        keep: how much of each message stays in memory.
    """

    host = HOST

    def __init__(
        self,
        plan: Plan = _EVERYTHING_FITS,
        *,
        audit: Path | None = None,
        keep: Keep = Keep.EVERYTHING,
    ) -> None:
        self._plan = plan
        self._inbox = Inbox(audit=audit, keep=keep)
        self._thread = Thread(target=self._run, name="smtp-sink", daemon=True)
        self._started: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self.port = 0  # known once the sink is entered

    @property
    def messages(self) -> tuple[Received, ...]:
        """What was taken so far, in order."""
        return self._inbox.messages

    @property
    def count(self) -> int:
        """How many messages were taken so far."""
        return self._inbox.count

    def __enter__(self) -> Self:
        self._thread.start()
        self.port, self._loop, self._stop = self._started.result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._inbox.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if not self._started.done():  # somebody waits for the port
                self._started.set_exception(error)
            raise

    async def _serve(self) -> None:
        stop = asyncio.Event()
        async with serve(self._plan, self._inbox) as port:
            self._started.set_result((port, asyncio.get_running_loop(), stop))
            await stop.wait()


@asynccontextmanager
async def serve(plan: Plan, inbox: Inbox, *, port: int = 0) -> AsyncIterator[int]:
    """Serve on loopback inside a running event loop.

    Args:
        plan: what to announce and how to misbehave.
        inbox: takes the messages.
        port: 0 lets the kernel choose.

    Yields:
        The port.
    """
    script = Script(plan)
    live: set[Wire] = set()
    numbers = count(1)

    def begin() -> Dialogue:
        return Dialogue(script, inbox, next(numbers), live)

    loop = asyncio.get_running_loop()
    door = socket.create_server((HOST, port))
    if plan.window_bytes is not None:  # each connection inherits it
        door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, plan.window_bytes)
    server = await loop.create_server(
        begin, sock=door, ssl=plan.tls if plan.implicit_tls else None, backlog=256
    )
    try:
        yield door.getsockname()[1]
    finally:
        server.close()
        for dialogue in tuple(live):
            await dialogue.abort()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a sink as a process until it is told to stop; its first line says where it listens."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.testing.sink", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 lets the kernel choose")
    parser.add_argument("--audit", type=Path, help="file for a JSON line a message")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before a message's 250")
    parser.add_argument("--no-pipelining", action="store_true", help="do not announce it")
    parsed = parser.parse_args(arguments)
    late = Rule(at=At.DOT, delay_s=parsed.delay)
    usual = _EVERYTHING_FITS.extensions
    plan = Plan(
        rules=(late,) if parsed.delay else (),
        extensions=tuple(
            word for word in usual if not (parsed.no_pipelining and word == "PIPELINING")
        ),
    )
    with asyncio.Runner(loop_factory=_fast_loop()) as runner:
        runner.run(_main(plan, parsed.port, parsed.audit))


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop where it is installed: the sink shall not be what is measured."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _main(plan: Plan, port: int, audit: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    inbox = Inbox(audit=audit, keep=Keep.NOTHING)
    async with serve(plan, inbox, port=port) as chosen:
        sys.stdout.write(f"{HOST} {chosen}\n")
        sys.stdout.flush()
        await stop.wait()
    inbox.close()


if __name__ == "__main__":
    main()
