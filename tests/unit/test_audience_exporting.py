from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audience.exporting import csv_line, export_rows, shield, unshield
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
        "address,name,state,since\r\n",
        'ann@example.org,"Ann, Lee",active,2026-05-01T08:30:00+00:00\r\n',
    ]


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
