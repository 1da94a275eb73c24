"""When a delivery is tried again."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """When to try again and when to give up (RFC 5321 4.5.4.1)."""

    waits: tuple[timedelta, ...] = (
        timedelta(minutes=5),
        timedelta(minutes=15),
        timedelta(minutes=30),
        timedelta(hours=1),
        timedelta(hours=3),
        timedelta(hours=6),
        timedelta(hours=12),
    )  # the last one repeats
    give_up_after: timedelta = timedelta(days=3)  # since the first attempt
    # How often a message nobody answered may be sent again by itself; 0 holds it for a person.
    resends: int = 0
