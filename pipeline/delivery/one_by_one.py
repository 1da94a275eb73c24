"""Drives a sender that carries one message at a time, such as a plug-in."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Final

from pipeline.errors import SenderUnavailable
from pipeline.model.delivery import Outgoing, Unanswered
from pipeline.model.ports import Sender, Session, Work

RELAY: Final = "sender"  # such a sender has one way out, and this is its name


async def carry_one_by_one(sender: Sender, work: Work) -> None:
    """Carry messages through one session, which lives in a thread of its own and may block.

    Raises:
        SenderUnavailable: the way out is closed; nothing is in hand any more.
    """
    if not await work.more(RELAY):
        return
    loop = asyncio.get_running_loop()
    thread = ThreadPoolExecutor(1, thread_name_prefix="sender")
    leaving = ExitStack()
    try:
        session = await loop.run_in_executor(thread, lambda: leaving.enter_context(sender.open()))
        while await work.more(RELAY):
            while outgoing := work.take(RELAY):
                if work.start(outgoing):
                    await _hand_over(outgoing, session, work, thread)
    finally:
        thread.submit(leaving.close)  # behind whatever the thread is still at
        thread.shutdown(wait=False)


async def _hand_over(
    outgoing: Outgoing, session: Session, work: Work, thread: ThreadPoolExecutor
) -> None:
    loop = asyncio.get_running_loop()
    try:
        outcome = await loop.run_in_executor(
            thread, session.send, outgoing.envelope, outgoing.message
        )
    except SenderUnavailable:
        work.put_back(outgoing)
        raise
    except BaseException as error:  # nobody knows how far the bytes came
        work.settle(outgoing, Unanswered(f"the sender failed: {error!r}"), RELAY)
        raise
    else:
        work.settle(outgoing, outcome, RELAY)
    finally:
        work.flush()
