"""Moments in the database: whole microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Dialect
from sqlalchemy.types import TypeDecorator

from pipeline.model.moment import microseconds, moment


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
