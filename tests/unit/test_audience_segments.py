from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.audience.segments.matching import matches
from pipeline.audience.segments.parsing import parse_rule
from pipeline.audience.segments.tokens import MAX_RULE, RuleError
from pipeline.errors import ConfigError
from pipeline.model.segment import All, Either, Field, IsSet, Not, OneOf, Trait
from pipeline.model.subscriber import Subscriber, SubscriberId, SubscriberState

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
ANN = Subscriber(
    id=SubscriberId(1),
    address="ann@example.org",
    name="Ann Lee",
    state=SubscriberState.ACTIVE,
    created_at=datetime(2026, 1, 2, 23, 59, tzinfo=UTC),
    language="de-AT",
    zone="Europe/Vienna",
    fields={"city": "Ghent", "age": "30", "renews": "2026-12-01 08:00", "phone": "n/a"},
    tags=frozenset({"vip"}),
)


@pytest.mark.parametrize(
    "rule",
    [
        "tag is vip",
        "tag is VIP and language is de",
        "tag in (press, vip) or domain is example.net",
        "language is de-at",
        "domain is Example.org",
        "domain is @example.org",
        "domain contains ample",
        "zone is europe/vienna",
        "name contains ANN",
        "city is ghent",
        "city is not Paris",
        "city not in (Paris, Rome)",
        "not city is Paris",
        "not shoe_size is 44",
        "shoe_size is not set",
        "not shoe_size > 1",
        "not phone > 5 and not phone <= 5",
        "age > 29.5 and age >= 30 and age < 31 and age <= 30",
        "since after 2026-01-01 and since before 2026-01-03",
        "not since after 2026-01-02 and not since before 2026-01-02",
        "renews after 2026-11-30 and not renews after 2026-12-01",
        "since before 30 days ago and not since after 30 days ago",
        "renews after 0 days ago",
        "(tag is press or tag is vip) and city is set",
        "tag is press or tag is vip and city is set",
        "field.city is Ghent",
        "TAG IS vip AND NOT CITY IS SET OR age > 1",
    ],
)
def test_a_rule_picks_whom_a_reader_of_it_expects(rule: str) -> None:
    """Each of these is true of Ann, and its negation is not."""
    assert matches(parse_rule(rule), ANN, NOW)
    assert not matches(parse_rule(f"not ({rule})"), ANN, NOW)


def test_a_day_has_its_length() -> None:
    """Whoever came at the last minute of a day came on that day: neither before nor after it."""
    late = parse_rule("since after 2026-01-02")

    assert not matches(late, ANN, NOW)
    assert matches(parse_rule("since after 2026-01-01"), ANN, NOW)
    assert matches(parse_rule("since before 2026-01-03"), ANN, NOW + timedelta(days=400))


def test_and_binds_closer_than_or() -> None:
    """As everywhere; and chains are flat, so that their length is no depth."""
    rule = parse_rule("a is 1 or b is 2 and c is 3 and not d is set")

    assert rule == Either(
        (
            OneOf(Field("a"), ("1",)),
            All(
                (
                    OneOf(Field("b"), ("2",)),
                    OneOf(Field("c"), ("3",)),
                    Not(IsSet(Field("d"))),
                )
            ),
        )
    )


def test_values_are_stored_values() -> None:
    """A rule is written as people write, and compares what an import stored."""
    assert parse_rule('tag is "Early Bird"') == OneOf(Trait.TAG, ("early-bird",))
    assert parse_rule("language is de_AT") == OneOf(Trait.LANGUAGE, ("de-at",))
    assert parse_rule("domain is bücher.example") == OneOf(
        Trait.DOMAIN, ("xn--bcher-kva.example",)
    )


@pytest.mark.parametrize(
    ("rule", "place", "problem", "hint"),
    [
        ("", (1, 1), "the rule is empty", "tag is vip"),
        ("tags is vip", (1, 1), "nothing is called 'tags'", "did you mean 'tag'?"),
        ("tga is vip", (1, 1), "nothing is called 'tga'", "did you mean 'tag'?"),
        ("tag iss vip", (1, 5), "after tag comes", "did you mean 'is'?"),
        ("tag = vip", (1, 5), "'=' means nothing here", "did you mean 'is'?"),
        ("tag is vip && age > 3", (1, 12), "'&&' means nothing here", "did you mean 'and'?"),
        ("tag is vip an city is X", (1, 12), "is missing", "did you mean 'and'?"),
        ("city is New York", (1, 13), "is missing", 'in quotation marks: "New York"'),
        ('city is "Gh', (1, 9), "never ends", 'add the second "'),
        ("city is 'Gent'", (1, 9), "straight double quotation marks", '"Ghent"'),
        ('city is ""', (1, 9), "an empty text is no value", "not city is set"),
        ("city is and", (1, 9), "a value for city is missing", 'quote it: "and"'),
        ("city is", (1, 8), "a value for city is missing", ""),
        ("(tag is vip", (1, 12), "')' is missing", ""),
        ("tag is vip)", (1, 11), "is missing", "nothing was opened"),
        ("tag in vip", (1, 8), "a list in parentheses", "tag in (one, another)"),
        ("tag contains v", (1, 5), "'contains' does not go with tag", ""),
        ("age > many", (1, 7), "a number of at most 12 digits", ""),
        ("age > 2026-01-01", (1, 7), "a number", "'before' or 'after'"),
        ("since > 2026-01-01", (1, 7), "since is no number", "'before' or 'after'"),
        ("since is 2026-01-01", (1, 10), "since is a day", "since after 2026-01-01"),
        ("since after 2026-02-30", (1, 13), "this is no day", "2026-01-31, or 30 days ago"),
        ("since after 40000 days ago", (1, 13), "at most 36500 days ago", ""),
        ("since after 30 days", (1, 20), "'ago' is missing", ""),
        ("name before 2026-01-01", (1, 6), "name is no day", "since, and fields"),
        ("9lives is set", (1, 1), "a field begins with a letter", ""),
        ("tag is vip\nand city ist X", (2, 10), "after city comes", "did you mean 'is'?"),
        ("tag is v\u200bip", (1, 9), "an invisible character", ""),
        ("; drop table tag", (1, 1), "", ""),
    ],
)
def test_a_mistake_has_a_place_and_a_remedy(
    rule: str, place: tuple[int, int], problem: str, hint: str
) -> None:
    """Line and column, a caret under the word, and what to write instead."""
    with pytest.raises(RuleError) as caught:
        parse_rule(rule)

    error = caught.value
    assert (error.line, error.column) == place
    assert problem in error.problem
    assert hint in (error.hint or "")
    _, shown, carets, *_ = str(error).split("\n")
    assert carets.index("^") == error.column + 1
    assert shown == "  " + "".join(
        letter if letter.isprintable() else " " for letter in rule.split("\n")[error.line - 1]
    )


def test_a_rule_has_a_bounded_length() -> None:
    """A megabyte of rule is refused before it is looked at."""
    with pytest.raises(RuleError, match="at most 2,000 characters"):
        parse_rule("a" * (MAX_RULE + 1))


def test_a_bad_rule_is_the_operators_to_mend() -> None:
    """It ends a command with the code for a wrong argument."""
    assert issubclass(RuleError, ConfigError)
    assert RuleError.exit_code == 2
