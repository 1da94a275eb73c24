"""A rule that picks people of a list: what the language of segments says, as values."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

# What a field's value looks like where it counts as a number or a day. Twelve digits and three
# decimals fit a double, so that every database compares them alike. [0-9]: `\d` has all scripts.
NUMBER: Final = r"^-?[0-9]{1,12}([.][0-9]{1,3})?$"
DAY: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"  # a time of day may follow
DAY_LENGTH: Final = 10

KEYWORDS: Final = frozenset(
    {"and", "or", "not", "is", "in", "set", "contains", "before", "after", "days", "day", "ago"}
)
NEAR: Final = 0.81  # of difflib: "tags" and "langage" are slips of the pen, "surname" is not
_BARE: Final = re.compile(r"[\w.+/@:-]+")
_ESCAPED: Final = re.compile(r'(["\\])')


class Trait(StrEnum):
    """What is known of everybody; every other word of a rule names a field."""

    TAG = "tag"
    LANGUAGE = "language"
    ZONE = "zone"
    DOMAIN = "domain"  # of the address
    SINCE = "since"  # the day they were first written down, UTC
    NAME = "name"


class Field(Struct, frozen=True):
    """Something the operator knows of people, such as their city."""

    name: str  # lower-case

    def __str__(self) -> str:
        return f"field.{self.name}" if mistakable(self.name) else self.name


class DaysAgo(Struct, frozen=True):
    """A day that moves along with the present one."""

    days: int  # 0 to 36,500

    def __str__(self) -> str:
        return f"{self.days} day{'' if self.days == 1 else 's'} ago"

    def day(self, now: datetime) -> date:
        """Return the day it is, in UTC, at an aware `now`."""
        return (now - timedelta(days=self.days)).date()


class OneOf(Struct, frozen=True):
    """The subject has one of the values, capitals A to Z aside."""

    subject: Trait | Field
    values: tuple[str, ...]  # one or more, none empty; tags, languages and domains in lower case

    def __str__(self) -> str:
        if len(self.values) == 1:
            return f"{self.subject} is {_quoted(self.values[0])}"
        return f"{self.subject} in ({', '.join(map(_quoted, self.values))})"


class IsSet(Struct, frozen=True):
    """Something is known of the subject."""

    subject: Trait | Field

    def __str__(self) -> str:
        return f"{self.subject} is set"


class Contains(Struct, frozen=True):
    """The text is somewhere in the subject, capitals A to Z aside."""

    subject: Trait | Field  # neither TAG nor SINCE
    text: str  # not empty

    def __str__(self) -> str:
        return f"{self.subject} contains {_quoted(self.text)}"


class Measures(Struct, frozen=True):
    """The field is a number, and compares so."""

    subject: Field
    operator: str  # one of < <= > >=
    number: Decimal  # as NUMBER allows

    def __str__(self) -> str:
        return f"{self.subject} {self.operator} {self.number}"


class Falls(Struct, frozen=True):
    """The subject is a day before or after one, and never that day itself."""

    subject: Trait | Field  # SINCE or a field
    after: bool
    day: date | DaysAgo

    def __str__(self) -> str:
        return f"{self.subject} {'after' if self.after else 'before'} {self.day}"

    def limit(self, now: datetime) -> date:
        """Return the day it compares with."""
        return self.day.day(now) if isinstance(self.day, DaysAgo) else self.day


class Not(Struct, frozen=True):
    """Everybody whom the rule does not pick, those without the field included."""

    rule: Rule

    def __str__(self) -> str:
        inner = f"({self.rule})" if isinstance(self.rule, All | Either) else str(self.rule)
        return f"not {inner}"


class All(Struct, frozen=True):
    """Every rule picks them."""

    rules: tuple[Rule, ...]  # two or more

    def __str__(self) -> str:
        return " and ".join(
            f"({rule})" if isinstance(rule, All | Either) else str(rule) for rule in self.rules
        )


class Either(Struct, frozen=True):
    """One of the rules, or more, picks them."""

    rules: tuple[Rule, ...]  # two or more

    def __str__(self) -> str:
        return " or ".join(
            f"({rule})" if isinstance(rule, Either) else str(rule) for rule in self.rules
        )


Rule = OneOf | IsSet | Contains | Measures | Falls | Not | All | Either


def mistakable(name: str) -> bool:
    """Say whether a field of that name must be spelled `field.NAME` in a rule."""
    return name in KEYWORDS or near_trait(name) is not None


def near_trait(name: str) -> Trait | None:
    """Return the trait that a name is, or is a slip of; None if it can only be a field."""
    import difflib  # needed by who writes or prints rules, and 10 ms to load

    for trait in Trait:
        if sorted(name) == sorted(trait):  # two letters that changed places
            return trait
    close = difflib.get_close_matches(name, [trait.value for trait in Trait], n=1, cutoff=NEAR)
    return Trait(close[0]) if close else None


def _quoted(value: str) -> str:
    if _BARE.fullmatch(value) and value.lower() not in KEYWORDS:
        return value
    return '"' + _ESCAPED.sub(r"\\\1", value) + '"'
