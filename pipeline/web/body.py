"""Request bodies: read whole before anybody looks, within a size and a time."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES: Final = 64 * 1024
MOST_BYTES_OF_HOOKS: Final = 1024 * 1024  # providers send events by the hundred
WITHIN_S: Final = 10.0

_HOOKS: Final = "/hooks/"


class TooLarge(Exception):
    """More came than is read."""


class BodyLimit:
    """ASGI middleware: 413 for a body that is too large, 408 for one that does not come."""

    def __init__(self, app: ASGIApp, *, within_s: float = WITHIN_S) -> None:
        self.app, self.within_s = app, within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, then pass the request on with all of it at hand."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = MOST_BYTES_OF_HOOKS if scope["path"].startswith(_HOOKS) else MOST_BYTES
        try:
            async with asyncio.timeout(self.within_s):
                body = await _read(Headers(scope=scope), receive, most)
        except TooLarge:
            await _refuse(413, "Content Too Large", scope, receive, send)
            return
        except TimeoutError:
            await _refuse(408, "Request Timeout", scope, receive, send)
            return
        if body is None:  # they went away: nobody is there to answer
            return
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        await self.app(scope, replay, send)


async def _read(headers: Headers, receive: Receive, most: int) -> bytes | None:
    """Return the body; None: the client left before it was complete."""
    announced = headers.get("content-length", "0")
    if not (announced.isascii() and announced.isdecimal()) or int(announced[:20]) > most:
        raise TooLarge
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > most:  # counted, not believed
            raise TooLarge
        more = message.get("more_body", False)
    return bytes(body)


async def _refuse(status: int, words: str, scope: Scope, receive: Receive, send: Send) -> None:
    # What is still on its way is not worth reading.
    answer = PlainTextResponse(f"{words}\n", status, headers={"Connection": "close"})
    await answer(scope, receive, send)
