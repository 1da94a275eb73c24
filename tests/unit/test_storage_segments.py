from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import sqlite

from pipeline.audience.segments.parsing import parse_rule
from pipeline.model.subscriber import Consent
from pipeline.storage.engine import Database, open_database
from pipeline.storage.schema import subscriber
from pipeline.storage.segments import compile_rule
from pipeline.storage.standing import NewSubscriber
from pipeline.storage.subscribers import Subscribers

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
GIVEN = Consent(action="given", method="command", source="test", at=NOW)

HOSTILE = (
    "'; DROP TABLE tag; --",
    '" OR 1=1 --',
    "%",
    "_",
    "\\",
    "') OR ('1'='1",
    "$.city",
    "?1",
    ":x",
)


def opened(folder: Path) -> Database:
    """Return a database with Ann and Bob, of whom one has a city."""
    database = open_database(folder / "broadsheet.db")
    Subscribers(database, str.upper).upsert(
        [
            NewSubscriber(
                address="ann@example.org",
                normalised="ann@example.org",
                name="Ann",
                fields={"city": "Ghent"},
                tags=frozenset({"vip"}),
            ),
            NewSubscriber(address="bob@example.net", normalised="bob@example.net", name="Bob"),
        ],
        GIVEN,
    )
    return database


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Give one database to all that only read."""
    database = opened(tmp_path_factory.mktemp("segments"))
    yield database
    database.close()


def picked(database: Database, rule: str) -> list[str]:
    """Return the names of the people whom a rule picks."""
    where = compile_rule(parse_rule(rule), now=NOW)
    return [person.name for person in Subscribers(database, str.upper).all(where=where)]


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        ("city is ghent", ["Ann"]),
        ("not city is Ghent", ["Bob"]),
        ("not city is Paris", ["Ann", "Bob"]),
        ("tag is vip", ["Ann"]),
        ("not tag is vip", ["Bob"]),
        ("domain is example.net or tag is vip", ["Ann", "Bob"]),
        ("since after 1 day ago", ["Ann", "Bob"]),
        ("since before 0 days ago", []),
        ("not language is de and not zone is UTC", ["Ann", "Bob"]),
    ],
)
def test_a_rule_picks_people_in_the_database(
    database: Database, rule: str, names: list[str]
) -> None:
    """Through `Subscribers.all`, and those without the field are in the negation."""
    assert picked(database, rule) == names


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "test", ["city is {}", "name contains {}", "tag is {}xx", "zone in ({}, a)"]
)
def test_no_word_of_a_rule_becomes_part_of_a_statement(
    database: Database, test: str, text: str
) -> None:
    """Quotes, wildcards and markers are values: they pick nobody, and the tables are there."""
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    rule = test.format(quoted).replace('"xx', 'xx"')
    where = compile_rule(parse_rule(rule), now=NOW)

    statement = select(subscriber.c.id).where(where).compile(dialect=sqlite.dialect())

    assert len(text) < 3 or text not in str(statement)  # one letter is in any statement
    assert picked(database, rule) == []
    assert picked(database, "tag is vip") == ["Ann"]


def test_an_erased_person_is_in_no_domain(tmp_path: Path) -> None:
    """What is left of them has no address, and no rule about one finds it."""
    database = opened(tmp_path)
    with database.writing() as connection:
        connection.execute(subscriber.update().values(address="", fields="{}", name=""))

    for rule in ("domain is set", "domain contains e", "name is set", "city is set"):
        with database.reading() as connection:
            where = compile_rule(parse_rule(rule), now=NOW)
            assert connection.scalars(select(subscriber.c.id).where(where)).all() == []
    database.close()


def test_the_longest_chain_is_not_too_deep_for_the_database(database: Database) -> None:
    """As many terms as a rule has room for are one flat condition."""
    rule = " or ".join(["a is b"] * 199)

    assert picked(database, rule) == []
    assert picked(database, f"{rule} or tag is vip"[-1990:].partition(" or ")[2]) == ["Ann"]
