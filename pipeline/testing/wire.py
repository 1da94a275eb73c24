"""One connection to the sink: when bytes are read, and when and how replies leave."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
from abc import abstractmethod
from typing import Final, cast

from pipeline.testing.plan import At, Rule
from pipeline.testing.script import Script

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # struct linger: on, for no time


class Wire(asyncio.Protocol):
    """Knows nothing of SMTP but that a reply may be late, slow, strange, or the last one.

    What is read in one go is answered in one go, as servers with PIPELINING do.
    """

    def __init__(self, script: Script, number: int, live: set[Wire]) -> None:
        self._script = script
        self._number = number
        self._live = live  # connections under way
        self._over = asyncio.Event()
        self._buffer = bytearray()
        self._replies: list[bytes] = []  # not written yet
        self._busy = False  # a reply is late: nothing is done until it is said
        self._came = 0  # bytes of the connection, without those of TLS
        self._encrypted = script.plan.implicit_tls
        self._upgrade: asyncio.Task[None] | None = None

    @abstractmethod
    def _begin(self) -> None:
        """Say the first word."""

    @abstractmethod
    def _read(self) -> bool:
        """Use up some of the buffer; False: more bytes are needed, or no more are wanted."""

    @abstractmethod
    def _forget(self) -> None:
        """Start anew after an upgrade to TLS (RFC 3207 4.2)."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()
        self._live.add(self)
        self._cut = self._rule(At.STREAM)
        self._begin()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Be over."""
        self._live.discard(self)
        self._over.set()

    def data_received(self, data: bytes) -> None:
        """Go on with the dialogue."""
        self._came += len(data)
        cut = self._cut
        if cut and self._came >= cut.after_bytes:
            self._cut = None
            self._buffer += data[: len(data) - (self._came - cut.after_bytes)]
            self._work()
            self._send(self._bytes(cut, b""), cut)
            self._flush()
            return
        self._buffer += data
        self._work()

    async def abort(self) -> None:
        """Hang up at once, and wait until nothing is left of the connection."""
        self._transport.abort()
        await self._over.wait()

    def _work(self) -> None:
        while self._buffer and not self._busy and not self._transport.is_closing():
            if not self._read():
                break
        self._flush()

    def _flush(self) -> None:
        if self._replies and not self._transport.is_closing():
            self._transport.write(b"".join(self._replies))
        self._replies.clear()

    def _rule(self, at: At, recipient: str = "") -> Rule | None:
        if not self._script.plan.rules:
            return None
        return self._script.rule(
            at,
            connection=self._number,
            live=len(self._live),
            now=self._loop.time(),
            recipient=recipient,
        )

    def _say(self, reply: str) -> None:
        self._replies.append(reply.encode() + b"\r\n")

    def _answer(self, at: At, usual: str, recipient: str = "") -> bool:
        """Reply as the script says; tell whether the answer is yes."""
        rule = self._rule(at, recipient)
        reply = self._bytes(rule, usual.encode() + b"\r\n")
        self._send(reply, rule)
        return reply[:1] in {b"2", b"3"}

    @staticmethod
    def _bytes(rule: Rule | None, usual: bytes) -> bytes:
        if rule is None or rule.reply is None:
            return usual
        return rule.reply if isinstance(rule.reply, bytes) else rule.reply.encode() + b"\r\n"

    def _send(self, reply: bytes, rule: Rule | None) -> None:
        if rule is None:
            self._replies.append(reply)
        elif rule.drip_s:
            self._wait()
            self._drip(reply, rule)
        elif rule.delay_s:
            self._wait()
            if rule.deaf:
                self._transport.pause_reading()
            if rule.delay_s < math.inf:
                self._loop.call_later(rule.delay_s, self._finish, reply, rule)
        else:
            self._replies.append(reply)
            if rule.drop:
                self._hang_up(reset=rule.reset)

    def _wait(self) -> None:
        self._flush()  # what was said before is not late
        self._busy = True

    def _drip(self, reply: bytes, rule: Rule) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(reply[:1])
        rest = reply[1:]
        go_on = self._drip if rest else self._finish
        self._loop.call_later(rule.drip_s, go_on, rest, rule)

    def _finish(self, reply: bytes, rule: Rule) -> None:
        """Say the delayed rest of a reply, and go on."""
        if self._transport.is_closing():
            return
        self._replies.append(reply)
        self._busy = False
        self._transport.resume_reading()
        if rule.drop or rule.at is At.QUIT:
            self._hang_up(reset=rule.reset)
        self._work()

    def _hang_up(self, *, reset: bool = False) -> None:
        self._flush()
        if reset:
            line = cast(socket.socket, self._transport.get_extra_info("socket"))
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._transport.abort()
        else:
            self._transport.close()

    def _start_tls(self) -> None:
        self._transport.pause_reading()  # the client's hello is for TLS
        willing = self._answer(At.STARTTLS, "220 2.0.0 go ahead")
        if self._busy or self._transport.is_closing():  # the script has something else in mind
            return
        if willing:
            self._wait()
            self._upgrade = self._loop.create_task(self._encrypt())
        else:
            self._transport.resume_reading()

    async def _encrypt(self) -> None:
        context = self._script.plan.tls
        assert context is not None
        try:
            secure = await self._loop.start_tls(self._transport, self, context, server_side=True)
        except OSError:  # the client does not trust us
            secure = None
        if secure is None:  # nor is connection_lost called if the client hangs up meanwhile
            self._transport.abort()
            self.connection_lost(None)
            return
        self._transport = secure
        self._encrypted = True
        self._busy = False
        self._forget()
        self._work()  # with TLS 1.3 the next command may be here already
