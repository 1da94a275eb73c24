from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.audience.columns import Wanted
from pipeline.audience.exporting import (
    csv_line,
    export_lines,
    export_rows,
    field_names,
    shield,
    unshield,
)
from pipeline.audience.importing import Row, read_rows
from pipeline.model.subscriber import Subscriber, SubscriberId, SubscriberState

SINCE = datetime(2026, 5, 1, 8, 30, tzinfo=UTC)


def subscriber(address: str, name: str) -> Subscriber:
    """Return somebody to export."""
    return Subscriber(
        id=SubscriberId(1),
        address=address,
        name=name,
        state=SubscriberState.ACTIVE,
        created_at=SINCE,
    )


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "'=", "''@"])
def test_a_cell_that_would_be_computed_becomes_text(start: str) -> None:
    """A spreadsheet that opens the file runs nothing of it."""
    cell = f"{start}cmd|' /C calc'!A0"

    assert shield(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "ann@example.org", "'quoted'", "O'Neil", "a=b", "'"])
def test_any_other_cell_stays_as_it_is(cell: str) -> None:
    """An apostrophe is added only where it is needed."""
    assert shield(cell) == cell
    assert unshield(cell) == cell


@given(st.one_of(st.text(), st.text("'=+-@\t\r\na")))
def test_a_shield_comes_off_again(cell: str) -> None:
    """No cell is changed by going out and coming back."""
    assert unshield(shield(cell)) == cell
    assert not shield(cell).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=5))
def test_a_record_is_read_back_as_it_was_written(cells: list[str]) -> None:
    """Commas, quotes and line ends stay inside their cells."""
    [found] = csv.reader(io.StringIO(csv_line(cells), newline=""))

    assert [unshield(cell) for cell in found] == cells


def test_an_export_has_a_header_and_dates() -> None:
    """The file says what it holds, in the words of the import."""
    assert list(export_rows([subscriber("ann@example.org", "Ann, Lee")])) == [
        "address,name,state,since,language,zone,tags\r\n",
        'ann@example.org,"Ann, Lee",active,2026-05-01T08:30:00+00:00,,,\r\n',
    ]


KNOWN = replace(
    subscriber("bob@example.org", "Bob"),
    language="pt-BR",
    zone="America/Bahia",
    tags=frozenset({"vip", "early-bird"}),
    fields={"city": '=HYPERLINK("http://example.net")', "größe": "-5"},
)


def test_all_that_is_known_comes_back_through_an_import() -> None:
    """Language, zone, tags and fields survive the way out and in, and none of it is computed."""
    everybody = [subscriber("ann@example.org", "Ann"), KNOWN]
    file = "".join(export_rows(everybody, field_names(everybody)))
    assert not any(
        cell.startswith(("=", "-")) for line in csv.reader(io.StringIO(file)) for cell in line
    )

    ann, bob = read_rows(io.BytesIO(file.encode()), wanted=Wanted(fields="all"))

    assert isinstance(ann, Row)
    assert isinstance(bob, Row)
    assert (bob.language, bob.zone, bob.tags) == (KNOWN.language, KNOWN.zone, KNOWN.tags)
    assert bob.fields == KNOWN.fields
    assert (ann.fields, ann.proof) == ({}, "2026-05-01T08:30:00+00:00")


def test_a_line_of_json_holds_everything() -> None:
    """One person a line, whatever is in their name."""
    [line] = export_lines([replace(KNOWN, name="B\nob")])

    assert line.count("\n") == 1
    assert json.loads(line) == {
        "address": "bob@example.org",
        "name": "B\nob",
        "state": "active",
        "since": "2026-05-01T08:30:00+00:00",
        "language": "pt-BR",
        "zone": "America/Bahia",
        "tags": ["early-bird", "vip"],
        "fields": dict(KNOWN.fields),
    }


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("=cmd|calc@example.com", "=HYPERLINK(1)"),
        ("+49@example.org", "-Ann"),
        ("-oq@example.com", "@home"),
        ("'=x@example.com", "'+1"),
        ("ann@example.org", 'Ann "the" Lee, Jr; \t|'),
    ],
)
def test_an_export_can_be_imported(address: str, name: str) -> None:
    """Moving to another workspace loses nobody and changes nobody's address."""
    file = "".join(export_rows([subscriber(address, name)])).encode()

    [row] = read_rows(io.BytesIO(file))

    assert isinstance(row, Row)
    assert row.address.given == address
    assert row.name == name.replace(" \t|", " |")
