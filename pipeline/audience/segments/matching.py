"""Whether a rule picks a person, without a database."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

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
from pipeline.model.subscriber import Subscriber


def matches(rule: Rule, person: Subscriber, now: datetime) -> bool:
    """Say whether a rule picks a person, in two values: what is not known is never equal.

    Pure: no clock, no randomness, no storage. The statement of storage/segments.py says the
    same; a property test holds the two together.

    Args:
        rule: from `parse_rule`.
        person: as the list in question has them.
        now: aware, UTC; what "30 days ago" counts from.
    """
    match rule:
        case OneOf(Trait.TAG, values):
            return not person.tags.isdisjoint(values)
        case OneOf(Trait.LANGUAGE, values):
            # "de" means de-AT too (RFC 4647 3.3.1).
            known = folded(person.language or "") + "-"
            return any(known.startswith(folded(value) + "-") for value in values)
        case OneOf(subject, values):
            return folded(_text(subject, person)) in map(folded, values)
        case IsSet(Trait.TAG):
            return bool(person.tags)
        case IsSet(subject):
            return bool(_text(subject, person))
        case Contains(subject, text):
            return folded(text) in folded(_text(subject, person))
        case Measures(subject, operator, number):
            found = _text(subject, person)
            return bool(re.search(NUMBER, found)) and _compares(float(found), operator, number)
        case Falls(subject, after):
            found = _text(subject, person)
            day, limit = found[:DAY_LENGTH], rule.limit(now).isoformat()
            return bool(re.search(DAY, found)) and (day > limit if after else day < limit)
        case Not(inner):
            return not matches(inner, person, now)
        case All(rules):
            return all(matches(each, person, now) for each in rules)
        case Either(rules):
            return any(matches(each, person, now) for each in rules)


def folded(text: str) -> str:
    """Return a text with A to Z in lower case, as every database can do it, and no other letter."""
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def _text(subject: Trait | Field, person: Subscriber) -> str:
    """Return what is known of a subject; empty if nothing is."""
    match subject:
        case Field(name):
            return person.fields.get(name, "")
        case Trait.LANGUAGE:
            return person.language or ""
        case Trait.ZONE:
            return person.zone or ""
        case Trait.DOMAIN:
            return person.address.rpartition("@")[2]
        case Trait.NAME:
            return person.name
        case Trait.SINCE:
            return person.created_at.date().isoformat()
        case Trait.TAG:
            raise TypeError("a person has several tags")


def _compares(found: float, operator: str, number: Decimal) -> bool:
    limit = float(number)
    match operator:
        case "<":
            return found < limit
        case "<=":
            return found <= limit
        case ">":
            return found > limit
        case _:
            return found >= limit
