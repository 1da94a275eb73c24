"""The least that any sender in Python costs: an event loop that writes one and the same message.

    python tests/bench/floor.py PORT COUNT MESSAGE

It is no sender: nobody is written to by name, nothing is composed, recorded or decided, replies
are counted and not read. What it costs is uvloop and the kernel, and ours cannot cost less.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final, cast

from tests.bench.workshop import CONNECTIONS

ENVELOPE: Final = b"MAIL FROM:<quay@example.org>\r\nRCPT TO:<reader@example.org>\r\nDATA\r\n"


class Floor(asyncio.Protocol):
    """One connection; the envelope of the next message follows each body (RFC 2920)."""

    def __init__(self, message: bytes, left: list[int], over: asyncio.Future[None]) -> None:
        self._message = message
        self._left = left  # messages, of all connections
        self._over = over
        self._greeted = 0
        self._next = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note what carries the bytes."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        """Write the next message when the server asks for it."""
        if self._greeted < 2:
            self._greeted += 1
            self._transport.write(b"EHLO floor.example.org\r\n" if self._greeted == 1 else b"")
            if self._greeted == 2 and self._take():
                self._transport.write(ENVELOPE)
        elif b"354 " in data:
            more = self._take()
            self._transport.writelines((self._message, ENVELOPE if more else b"QUIT\r\n"))
        elif data.startswith(b"221") or b"\n221" in data:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        del exc
        if not self._over.done():
            self._over.set_result(None)

    def _take(self) -> bool:
        self._left[0] -= 1
        return self._left[0] >= 0


async def main(port: int, count: int, body: bytes) -> None:
    """Send so many messages over the usual number of connections."""
    loop = asyncio.get_running_loop()
    left = [count]
    over: list[asyncio.Future[None]] = [loop.create_future() for _ in range(CONNECTIONS)]
    for future in over:
        await loop.create_connection(
            lambda future=future: Floor(body, left, future),  # type: ignore[misc] # bound at once
            "127.0.0.1",
            port,
        )
    await asyncio.gather(*over)


if __name__ == "__main__":
    import uvloop

    ended = Path(sys.argv[3]).read_bytes().replace(b"\n", b"\r\n") + b".\r\n"
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), ended))
