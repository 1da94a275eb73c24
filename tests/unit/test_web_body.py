"""Request bodies: how much is read, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from pipeline.web.body import MOST_BYTES, MOST_BYTES_OF_HOOKS, BodyLimit


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the length of the body."""
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


def ask(
    messages: Iterable[Message], *, path: str = "/u/x", length: str | None = None
) -> tuple[int | None, bytes, int]:
    """Send a request; return status, body, and how many of its messages were taken.

    After the last one nothing comes any more, as from a client that holds the line.
    """
    left = list(messages)
    before = len(left)
    sent: list[Message] = []

    async def receive() -> Message:
        if left:
            return left.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        await asyncio.sleep(0)
        sent.append(message)

    headers = [] if length is None else [(b"content-length", length.encode())]
    scope: Scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
    asyncio.run(BodyLimit(echo, within_s=0.05)(scope, receive, send))
    status = next((each["status"] for each in sent if each["type"].endswith("start")), None)
    return status, b"".join(each.get("body", b"") for each in sent), before - len(left)


def parts(sizes: Sequence[int], *, more: bool = False) -> list[Message]:
    """Return a body in parts of these sizes; with `more`, one that does not end."""
    last = len(sizes) - 1
    return [
        {"type": "http.request", "body": b"x" * size, "more_body": more or place < last}
        for place, size in enumerate(sizes)
    ]


@pytest.mark.parametrize("sizes", [[0], [10], [MOST_BYTES], [MOST_BYTES // 2] * 2, [1] * 1000])
def test_a_body_within_the_limit_arrives_whole(sizes: list[int]) -> None:
    """However it is cut, every byte is there."""
    status, body, _ = ask(parts(sizes))

    assert (status, int(body)) == (200, sum(sizes))


def test_too_much_is_counted_as_it_comes() -> None:
    """A body without a length, or with a lie, is dropped at the limit and not read to its end."""
    status, _, taken = ask(parts([MOST_BYTES // 4] * 100))

    assert status == 413
    assert taken == 5


@pytest.mark.parametrize("length", [str(MOST_BYTES + 1), "9" * 500, "-1", "1e3", "²", ""])
def test_an_announced_excess_or_nonsense_is_not_read_at_all(length: str) -> None:
    """Ten megabytes are refused before they come."""
    status, _, taken = ask(parts([10]), length=length)

    assert (status, taken) == (413, 0)


def test_webhooks_may_be_larger() -> None:
    """A provider's batch has its own limit, and one, too."""
    assert ask(parts([MOST_BYTES + 1]), path="/hooks/ses")[0] == 200
    assert ask(parts([MOST_BYTES_OF_HOOKS + 1]), path="/hooks/ses")[0] == 413


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    """Whoever trickles holds no request open."""
    assert ask(parts([1, 1, 1], more=True))[0] == 408


def test_nobody_is_answered_who_has_left() -> None:
    """Half a form of somebody who hung up is no form."""
    messages: list[Message] = [*parts([10], more=True), {"type": "http.disconnect"}]

    assert ask(messages)[:2] == (None, b"")
