"""Moments in the database: whole microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import BigInteger, Dialect
from sqlalchemy.types import TypeDecorator

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Return an aware datetime as it is stored; for statements that bypass the column's type."""
    if moment.utcoffset() is None:
        raise ValueError(f"a moment needs a time zone: {moment!r}")
    return (moment - EPOCH) // MICROSECOND


def moment(stored: int) -> datetime:
    """Return what was stored as an aware datetime in UTC."""
    return EPOCH + timedelta(microseconds=stored)


class Moment(TypeDecorator[datetime]):
    """An aware datetime as an integer: exact, ordered, and the same in every database.

    SQLite would hand a DateTime back naive and PostgreSQL aware; an integer leaves no choice.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Turn an aware datetime into microseconds."""
        del dialect
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Turn microseconds into an aware datetime in UTC."""
        del dialect
        return None if value is None else moment(value)
