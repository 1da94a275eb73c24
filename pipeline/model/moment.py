"""Moments as whole microseconds since 1970, UTC: what is stored, journalled and compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Return an aware datetime as an integer.

    Raises:
        ValueError: it has no time zone.
    """
    if moment.utcoffset() is None:
        raise ValueError(f"a moment needs a time zone: {moment!r}")
    return (moment - EPOCH) // MICROSECOND


def moment(stored: int) -> datetime:
    """Return an integer as an aware datetime in UTC."""
    return EPOCH + timedelta(microseconds=stored)
