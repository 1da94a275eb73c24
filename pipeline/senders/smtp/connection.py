"""One connection: bytes out, replies in, each within its deadline."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Final, TypeVar

from pipeline.senders.smtp import command
from pipeline.senders.smtp.options import Deadlines
from pipeline.senders.smtp.reply import Extensions, Lost, Reply, ReplyParser

BLOCK: Final = 64 * 1024  # octets of a message under one deadline
GOODBYE: Final = 5.0  # seconds for the reply to QUIT; nobody's mail depends on it

T = TypeVar("T")


class Connection:
    """A socket that never blocks for longer than it was told.

    Deadlines are for the whole of a reply: a timeout for each `recv` lets a server that drips
    one byte at a time hold us for ever.
    """

    def __init__(self, sock: socket.socket, deadlines: Deadlines) -> None:
        # Without it a message over TLS waits 40 ms for the acknowledgement of its first record.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        self._sock = sock
        self._parser = ReplyParser()
        self.deadlines = deadlines
        self.extensions = Extensions()
        self.messages = 0  # handed over so far
        self.half_open = False  # a transaction was begun and not finished

    @property
    def encrypted(self) -> bool:
        """Whether TLS is on."""
        return isinstance(self._sock, ssl.SSLSocket)

    @property
    def local_address(self) -> str:
        """The IP address of our end."""
        return str(self._sock.getsockname()[0])

    def encrypt(self, context: ssl.SSLContext, host: str) -> None:
        """Turn TLS on and verify that the other end is `host`.

        Raises:
            Lost: the handshake did not finish; an `ssl.SSLError` is its cause if there was one.
        """
        if self._parser.pending:
            # Somebody on the way put words into the server's mouth (CVE-2011-0411).
            raise Lost("bytes came before the TLS handshake")
        end = monotonic() + self.deadlines.connect
        try:
            wrapped = context.wrap_socket(
                self._sock, server_hostname=host, do_handshake_on_connect=False
            )
        except (OSError, ValueError) as error:
            raise Lost(f"TLS cannot start: {error}") from error
        self._sock = wrapped
        self._until(end, select.POLLIN, wrapped.do_handshake)

    def ask(self, line: bytes) -> Reply:
        """Send a command and return the reply.

        Raises:
            Lost: no whole reply in time.
        """
        self.write(line)
        return self.reply(self.deadlines.reply)

    def write(self, data: bytes) -> None:
        """Hand all bytes to the kernel.

        Raises:
            Lost: at least the last byte was not handed over.
        """
        if self._parser.pending:
            # A reply nobody asked for would be taken for the answer to this.
            raise Lost("the server spoke out of turn")
        view = memoryview(data)
        for start in range(0, len(view), BLOCK):
            end = monotonic() + self.deadlines.block
            block = view[start : start + BLOCK]
            while block:
                taken = self._until(end, select.POLLOUT, partial(self._sock.send, block))
                block = block[taken:]

    def reply(self, within: float) -> Reply:
        """Return the next reply, if it is complete `within` so many seconds.

        Raises:
            Lost: it is not, or it is no reply.
        """
        end = monotonic() + within
        while (reply := self._parser.take()) is None:
            data = self._until(end, select.POLLIN, partial(self._sock.recv, 4096))
            if not data:
                raise Lost("the server closed the connection")
            self._parser.feed(data)
        return reply

    def quit(self) -> None:
        """Say goodbye, if that is possible, and close."""
        try:
            self.write(command.QUIT)
            self.reply(min(GOODBYE, self.deadlines.reply))
        except Lost:
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Close at once; what was not handed over never will be."""
        self._sock.close()

    def _until(self, end: float, wanted: int, operation: Callable[[], T]) -> T:
        """Repeat an operation that would block until it does not, or time is up."""
        while True:
            try:
                return operation()
            except ssl.SSLWantReadError:
                event = select.POLLIN
            except ssl.SSLWantWriteError:
                event = select.POLLOUT
            except BlockingIOError:
                event = wanted
            except OSError as error:
                raise Lost(error.strerror or str(error)) from error
            self._wait(event, end)

    def _wait(self, event: int, end: float) -> None:
        poll = select.poll()
        poll.register(self._sock, event)
        left = end - monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise Lost("the server took too long")
