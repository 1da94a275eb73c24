from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, delete, insert, select

from pipeline.audience.segments.matching import matches
from pipeline.audience.segments.parsing import MAX_DEPTH, parse_rule
from pipeline.audience.segments.tokens import RuleError
from pipeline.model.segment import (
    All,
    Contains,
    DaysAgo,
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
from pipeline.model.subscriber import Subscriber, SubscriberId, SubscriberState
from pipeline.storage.schema import metadata, subscriber, tag
from pipeline.storage.segments import compile_rule
from pipeline.storage.upserting import as_json

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
NOON = datetime(2025, 12, 31, 12, tzinfo=UTC)  # the days around the turn of a year

# Few words, so that rules and people meet; and those that a pattern, a cast or a quote trips over.
WORDS = st.one_of(
    st.sampled_from(
        [
            *(
                "ghent",
                "Ghent",
                "GHENT",
                "Gh",
                "30",
                "030",
                "-4.5",
                "30.0",
                "1e3",
                " 30",
                "9" * 13,
            ),
            *("2026-01-01", "2026-02-30x", "12345-01-01", "%", "_", "a_b", "a\\b", 'a"b', "'"),
            *("ÉÀ", "éà", "or", "not", "null", "true", "[1]", "İ", "ß", "ss", "K", "k"),
        ]
    ),
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=6).map(
        lambda text: unicodedata.normalize("NFC", text)
    ),
)
FIELDS = st.sampled_from(["city", "age", "born", "not", "tag", "tags", "größe", "a_1"])
TAGS = st.sampled_from(["vip", "press", "early-bird", "30"])
LANGUAGES = st.sampled_from(["de", "de-at", "den", "en", "d", "%", "de_"])
DOMAINS = st.sampled_from(["example.org", "example.net", "mail.example.org", "ample.org", "%.org"])
ZONES = st.sampled_from(["Europe/Berlin", "europe/berlin", "UTC"])
DAYS = st.one_of(
    st.dates(date(2025, 12, 30), date(2026, 1, 3)),
    st.dates(date(1900, 1, 1), date(2999, 12, 31)),
    st.builds(DaysAgo, st.one_of(st.integers(0, 3), st.integers(0, 36_500))),
)
NUMBERS = st.one_of(
    st.sampled_from([Decimal(30), Decimal("-4.5"), Decimal(1000), Decimal(0)]),
    st.decimals(-999_999_999_999, 999_999_999_999, places=3),
)

A_FIELD = st.builds(Field, FIELDS)
TESTS: st.SearchStrategy[Rule] = st.one_of(
    *(
        st.builds(OneOf, subject, st.lists(values, min_size=1, max_size=3).map(tuple))
        for subject, values in (
            (st.just(Trait.TAG), TAGS),
            (st.just(Trait.LANGUAGE), LANGUAGES.filter(lambda each: "_" not in each)),
            (st.just(Trait.DOMAIN), DOMAINS),
            (st.just(Trait.ZONE), ZONES),
            (st.just(Trait.NAME), WORDS),
            (A_FIELD, WORDS),
        )
    ),
    st.builds(IsSet, st.one_of(st.sampled_from(Trait), A_FIELD)),
    st.builds(Contains, st.one_of(st.just(Trait.NAME), st.just(Trait.ZONE), A_FIELD), WORDS),
    st.builds(Contains, st.sampled_from([Trait.DOMAIN, Trait.LANGUAGE]), DOMAINS),
    st.builds(Measures, A_FIELD, st.sampled_from(["<", "<=", ">", ">="]), NUMBERS),
    st.builds(Falls, st.one_of(st.just(Trait.SINCE), A_FIELD), st.booleans(), DAYS),
)
RULES: st.SearchStrategy[Rule] = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Either, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)
PEOPLE = st.builds(
    Subscriber,
    id=st.just(SubscriberId(0)),
    address=st.builds("{}@{}".format, st.sampled_from(["ann", "a.example.net"]), DOMAINS),
    name=st.one_of(st.just(""), WORDS),
    state=st.just(SubscriberState.ACTIVE),
    created_at=st.one_of(
        st.integers(0, 72).map(lambda hours: NOON + timedelta(hours=hours)),
        st.sampled_from([timedelta(), timedelta(days=2), timedelta(hours=9.6)]).map(
            lambda ago: NOW - ago
        ),
    ),
    language=st.one_of(st.none(), st.sampled_from(["de", "de-AT", "en", "den"])),
    zone=st.one_of(st.none(), ZONES),
    fields=st.dictionaries(FIELDS, WORDS, max_size=4),
    tags=st.frozensets(TAGS),
)


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    """Give a connection to a database with the tables and nobody in them."""
    engine = create_engine("sqlite://")
    with engine.connect() as opened:
        metadata.create_all(opened)
        yield opened
    engine.dispose()


@given(RULES)
def test_a_rule_is_read_back_as_it_was_printed(rule: Rule) -> None:
    """`parse_rule(str(rule))` is the rule, and printing changes nothing any more."""
    assert parse_rule(str(rule)) == rule


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    *("tag", "is", "not", "in", "(", ")", ",", "and", "or", "set", "since", "é"),
                    *("after", "30", "days", "ago", "<", '"x"', "city", "field.", '"', "="),
                    "2026-01-01",
                ]
            ),
            st.text(max_size=3),
        ),
        max_size=12,
    ).map(" ".join)
)
def test_any_text_is_a_rule_or_an_error_with_its_place(text: str) -> None:
    """Nothing but a RuleError comes of a bad rule, and a good one survives being printed."""
    try:
        rule = parse_rule(text)
    except RuleError as error:
        place = (error.line, error.column)
    else:
        assert parse_rule(str(rule)) == rule
        place = (1, 1)

    assert (1, 1) <= place <= (text.count("\n") + 1, len(text) + 1)


@given(st.lists(st.sampled_from(["(", "not "]), min_size=MAX_DEPTH + 1, max_size=900))
def test_depth_is_bounded(openings: list[str]) -> None:
    """However deep a rule is nested, it is refused before the stack or the database gives up."""
    text = "".join(openings) + "a is b" + ")" * openings.count("(")

    with pytest.raises(RuleError, match=r"nested more than|characters"):
        parse_rule(text)


@given(RULES, st.lists(PEOPLE, min_size=1, max_size=8))
@example(Not(OneOf(Field("city"), ("Ghent",))), [])
def test_the_two_evaluators_agree(
    connection: Connection, rule: Rule, people: list[Subscriber]
) -> None:
    """The database picks exactly those whom `matches` picks, whatever is unknown of them."""
    _write(connection, people)

    picked = set(connection.scalars(select(subscriber.c.id).where(compile_rule(rule, now=NOW))))

    assert picked == {at for at, person in enumerate(people, 1) if matches(rule, person, NOW)}


@given(RULES, PEOPLE)
def test_not_has_two_values(rule: Rule, person: Subscriber) -> None:
    """A rule picks a person or its negation does: nobody falls between for want of a field."""
    assert matches(Not(rule), person, NOW) is not matches(rule, person, NOW)


def _write(connection: Connection, people: list[Subscriber]) -> None:
    """Make `people` all there are, numbered from 1."""
    connection.execute(delete(tag))
    connection.execute(delete(subscriber))
    for at, person in enumerate(people, 1):
        connection.execute(
            insert(subscriber),
            {
                "id": at,
                "address": person.address,
                "address_norm": str(at),
                "address_hash": str(at),
                "name": person.name,
                "language": person.language,
                "zone": person.zone,
                "fields": as_json(person.fields),
                "created_at": person.created_at,
                "updated_at": person.created_at,
            },
        )
        for each in person.tags:
            connection.execute(insert(tag), {"subscriber_id": at, "tag": each})
