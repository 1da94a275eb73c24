"""Subscribers as CSV that a spreadsheet shows and never computes, or as lines of JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from pipeline.model.subscriber import Subscriber

HEADER: Final = ("address", "name", "state", "since", "language", "zone", "tags")

# Spreadsheets take a cell that starts so for a formula, and =cmd|... is a valid address. The
# full-width forms count too. An apostrophe in front makes it text; the importer drops it again.
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_SHIELDED: Final = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")


def shield(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula; `unshield` gives it back."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unshield(cell: str) -> str:
    """Return what a shielded cell was before; any other cell as it is."""
    return cell[1:] if cell.startswith("'") and _SHIELDED.match(cell) else cell


def csv_line(cells: Sequence[str]) -> str:
    """Return cells, shielded, as one CSV record (RFC 4180) with its CRLF."""
    record = io.StringIO()
    csv.writer(record).writerow([shield(cell) for cell in cells])
    return record.getvalue()


def field_names(subscribers: Iterable[Subscriber]) -> tuple[str, ...]:
    """Return the names of all fields that anybody has, sorted."""
    return tuple(sorted({name for subscriber in subscribers for name in subscriber.fields}))


def export_rows(subscribers: Iterable[Subscriber], fields: Sequence[str] = ()) -> Iterator[str]:
    """Yield the CSV file of subscribers, header first, a record at a time.

    The importer takes it back, those who must not be written to as such; `fields` become the columns `field.NAME` behind the others.
    """
    yield csv_line([*HEADER, *(f"field.{name}" for name in fields)])
    for person in subscribers:
        since = person.created_at.isoformat(timespec="seconds")
        known = (person.language or "", person.zone or "", ",".join(sorted(person.tags)))
        values = (person.fields.get(name, "") for name in fields)
        yield csv_line([person.address, person.name, person.standing, since, *known, *values])


def export_lines(subscribers: Iterable[Subscriber]) -> Iterator[str]:
    """Yield subscribers as JSON, one a line."""
    for person in subscribers:
        yield json.dumps(as_json(person), ensure_ascii=False) + "\n"


def as_json(person: Subscriber) -> dict[str, Any]:
    """Return a subscriber ready for JSON."""
    return {
        "address": person.address,
        "name": person.name,
        "state": person.standing,
        "since": person.created_at.isoformat(timespec="seconds"),
        "language": person.language,
        "zone": person.zone,
        "tags": sorted(person.tags),
        "fields": dict(person.fields),
    }
