"""A connection until it may carry mail: one command, one reply, each within its deadline."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import Final, cast

from pipeline.senders.smtp.options import Deadlines
from pipeline.senders.smtp.reply import Extensions, Lost, Reply, ReplyParser

TOO_LONG: Final = "the server took too long"
CLOSED: Final = "the server closed the connection"


class Connection(asyncio.Protocol):
    """Asks and waits; `Flow` takes its transport over when there is mail to carry.

    Deadlines are for the whole of a reply: a timeout for each segment lets a server that drips
    one byte at a time hold us for ever.
    """

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._parser = ReplyParser()
        self._replies: deque[Reply] = deque()
        self._heard = asyncio.Event()
        self._lost = ""  # why there is nothing more to hear
        self.extensions = Extensions()
        self.encrypted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note what carries the bytes."""
        self.transport = self.raw = cast(asyncio.Transport, transport)
        # Paused then means: not everything is in the hands of the kernel.
        self.raw.set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        """Note replies."""
        self._replies.extend(map(Reply.of, self._parser.feed(data)))
        self._lost = self._lost or self._parser.problem
        if self._replies or self._lost:
            self._heard.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end."""
        self._lost = self._lost or reason(exc)
        self._heard.set()

    @property
    def local_address(self) -> str:
        """The IP address of our end."""
        return str(self.raw.get_extra_info("sockname")[0])

    async def encrypt(self, context: ssl.SSLContext, host: str) -> None:
        """Turn TLS on and verify that the other end is `host`.

        Raises:
            Lost: the handshake did not finish; an `ssl.SSLError` is its cause if there was one.
        """
        if self._replies or self._parser.pending:
            # Somebody on the way put words into the server's mouth (CVE-2011-0411).
            raise Lost("bytes came before the TLS handshake")
        try:
            secure = await asyncio.get_running_loop().start_tls(
                self.raw,
                self,
                context,
                server_hostname=host,
                ssl_handshake_timeout=self._deadlines.connect,
            )
        except (OSError, ValueError) as error:
            raise Lost(f"TLS cannot start: {error or reason(None)}") from error
        if secure is None:  # the server hung up during the handshake, says asyncio in this way
            raise Lost(f"TLS cannot start: {CLOSED}")
        self.transport = secure
        # Not 0: this layer pauses when the limit is reached, the one below when it is exceeded.
        self.transport.set_write_buffer_limits(high=1)
        self.encrypted = True

    def check(self) -> None:
        """Make sure that the server waits for us.

        Raises:
            Lost: it is gone, or it said something that would be taken for the answer to what is
                asked next.
        """
        if self._lost:
            raise Lost(self._lost)
        if self._replies or self._parser.pending:
            raise Lost("the server spoke out of turn")

    async def ask(self, line: bytes) -> Reply:
        """Send a command and return the reply.

        Raises:
            Lost: no whole reply in time.
        """
        self.check()
        self.transport.write(line)
        return await self.reply()

    async def reply(self) -> Reply:
        """Return the next reply.

        Raises:
            Lost: it is not whole in time, or it is no reply.
        """
        try:
            async with asyncio.timeout(self._deadlines.reply):
                while not self._replies:
                    if self._lost:
                        raise Lost(self._lost)
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError as error:
            raise Lost(TOO_LONG) from error
        return self._replies.popleft()

    def close(self) -> None:
        """Hang up at once."""
        self.transport.abort()


def reason(error: Exception | None) -> str:
    """Say why a connection ended."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error or "") or CLOSED
