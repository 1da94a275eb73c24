"""A rule as a condition of a statement; every word of its author travels as a parameter.

Said for SQLite. PostgreSQL needs `->>` in place of `json_extract` (decision D12).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from operator import ge, gt, le, lt
from typing import Any, Final

from sqlalchemy import ColumnElement, Float, and_, case, cast, false, func, not_, or_, select, true

from pipeline.model.segment import (
    DAY,
    DAY_LENGTH,
    NUMBER,
    All,
    Contains,
    Either,
    Falls,
    Field,
    IsSet,
    Measures,
    Not,
    OneOf,
    Rule,
    Trait,
)
from pipeline.storage.schema import subscriber, tag

_OPERATORS: Final[Mapping[str, Callable[[Any, Any], ColumnElement[bool]]]] = {
    "<": lt, "<=": le, ">": gt, ">=": ge,
}  # fmt: skip


def compile_rule(rule: Rule, *, now: datetime) -> ColumnElement[bool]:
    """Return the condition on `subscriber` that holds for the people whom a rule picks.

    It is true or false and never NULL, so that `not` has two values too; `matches` of
    audience/segments/matching.py says the same of one person.

    Args:
        rule: from `parse_rule`.
        now: aware, UTC; what "30 days ago" counts from.
    """
    match rule:
        case OneOf(Trait.TAG, values):
            return subscriber.c.id.in_(select(tag.c.subscriber_id).where(tag.c.tag.in_(values)))
        case OneOf(Trait.LANGUAGE, values):
            known = func.lower(_text(Trait.LANGUAGE)).concat("-")
            return or_(*(known.startswith(f"{each}-", autoescape=True) for each in values))
        case OneOf(subject, values):
            return func.lower(_text(subject)).in_([func.lower(each) for each in values])
        case IsSet(Trait.TAG):
            return subscriber.c.id.in_(select(tag.c.subscriber_id))
        case IsSet(Trait.SINCE):
            return true()
        case IsSet(subject):
            return _text(subject) != ""
        case Contains(subject, text):
            return _text(subject).icontains(text, autoescape=True)
        case Measures(subject, operator, number):
            found = _text(subject)
            compared = _OPERATORS[operator](cast(found, Float), float(number))
            return case((found.regexp_match(NUMBER), compared), else_=false())
        case Falls(Trait.SINCE, after):
            midnight = datetime.combine(rule.limit(now), time(), UTC)
            next_ = midnight + timedelta(days=1)
            since = subscriber.c.created_at
            return since >= next_ if after else since < midnight
        case Falls(subject, after):
            day = func.substr(_text(subject), 1, DAY_LENGTH)
            limit = rule.limit(now).isoformat()
            return and_(day.regexp_match(DAY), day > limit if after else day < limit)
        case Not(inner):
            return not_(compile_rule(inner, now=now))
        case All(rules):
            return and_(*(compile_rule(each, now=now) for each in rules))
        case Either(rules):
            return or_(*(compile_rule(each, now=now) for each in rules))


def _text(subject: Trait | Field) -> ColumnElement[str]:
    """Return what is known of a subject as a text; empty, and never NULL, if nothing is."""
    match subject:
        case Field(name):
            # A name has letters, digits and _ only, so the path needs no escapes.
            found = func.json_extract(subscriber.c.fields, f'$."{name}"')
            return func.coalesce(found, "")
        case Trait.LANGUAGE:
            return func.coalesce(subscriber.c.language, "")
        case Trait.ZONE:
            return func.coalesce(subscriber.c.zone, "")
        case Trait.DOMAIN:
            address = subscriber.c.address
            return func.substr(address, func.instr(address, "@") + 1)
        case Trait.NAME:
            return func.coalesce(subscriber.c.name, "")
        case Trait.SINCE | Trait.TAG:
            raise TypeError(f"{subject} is no text")
