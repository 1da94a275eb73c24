"""Subscribers as CSV that a spreadsheet shows and never computes."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pipeline.model.subscriber import Subscriber

HEADER: Final = ("address", "name", "state", "since")

# Spreadsheets take a cell that starts so for a formula, and =cmd|... is a valid address. The
# full-width forms count too. An apostrophe in front makes it text; the importer drops it again.
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_SHIELDED: Final = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")


def shield(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula; `unshield` gives it back."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unshield(cell: str) -> str:
    """Return what a shielded cell was before; any other cell as it is."""
    return cell[1:] if _SHIELDED.match(cell) else cell


def csv_line(cells: Sequence[str]) -> str:
    """Return cells, shielded, as one CSV record (RFC 4180) with its CRLF."""
    record = io.StringIO()
    csv.writer(record).writerow([shield(cell) for cell in cells])
    return record.getvalue()


def export_rows(subscribers: Iterable[Subscriber]) -> Iterator[str]:
    """Yield the CSV file of subscribers, header first, a record at a time."""
    yield csv_line(HEADER)
    for subscriber in subscribers:
        since = subscriber.created_at.isoformat(timespec="seconds")
        yield csv_line((subscriber.address, subscriber.name, subscriber.state, since))
