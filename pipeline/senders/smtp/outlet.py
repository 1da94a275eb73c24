"""The writing side of a connection: what of a message is in the hands of the kernel."""

from __future__ import annotations

from typing import Final

from pipeline.senders.smtp import command
from pipeline.senders.smtp.connection import Connection

BLOCK: Final = 64 * 1024  # octets of a message under one deadline
# Octets that TLS adds to what follows a dot, at the very most: records, padding, keys.
SEALING: Final = 1024


class Outlet:
    """Writes bodies so that it can be said later whether the final dot may have left."""

    def __init__(self, connection: Connection) -> None:
        self.transport = connection.transport
        self.write = connection.transport.write
        self.paused = False  # not everything written is in the hands of the kernel
        self._raw = connection.raw  # below TLS; only there a refused write shows at once
        self._slack = SEALING if connection.encrypted else 0
        self._rest = memoryview(b"")  # of the body and its end mark, not written yet
        self._behind = 0  # octets written after the end mark
        self._failed = False  # the kernel refused the last write of a body

    @property
    def unfinished(self) -> bool:
        """Whether a part of the body was not even written."""
        return bool(self._rest)

    def send(self, body: bytes, envelope: bytes) -> None:
        """Write a short body, its end mark and the commands behind it at once."""
        self._behind = len(envelope)
        parts = (body, command.END, envelope)
        if self._raw is self.transport:
            self.transport.writelines(parts)  # one system call, and uvloop copies nothing
        else:
            self.write(b"".join(parts))  # one copy is cheaper than three TLS records
        self._failed = self._raw.is_closing()

    def pour(self, body: bytes) -> None:
        """Begin with a body that is written block by block, as the kernel takes it.

        A connection that is lost before `unfinished` and `paused` are over has certainly not
        carried the dot.
        """
        self._behind = 0
        self._rest = memoryview(body + command.END)
        self.go_on()

    def go_on(self) -> None:
        """Write the next blocks."""
        while self._rest and not (self.paused or self._failed):
            block, self._rest = self._rest[:BLOCK], self._rest[BLOCK:]
            self.write(block)
            self._failed = self._raw.is_closing()

    def follow(self, envelope: bytes) -> None:
        """Write commands behind a body that was poured."""
        self._behind = len(envelope)
        self.write(envelope)

    def dot_may_have_left(self) -> bool:
        """Tell whether the end mark may be in the hands of the kernel; ask before hanging up."""
        if self._rest or self._failed or (self.paused and not self._behind):
            return False
        waiting = self.transport.get_write_buffer_size()
        if self._raw is not self.transport:
            waiting += self._raw.get_write_buffer_size()
        return waiting <= self._behind + self._slack
