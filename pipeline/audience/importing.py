"""Reading subscribers from a file: a row each, and a reason for each that is none."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO, Final

from pipeline.audience.address import Address, AddressError, clean_name, parse_address
from pipeline.audience.columns import (
    ColumnNames,
    Columns,
    columns_of,
    is_address_header,
    meaning,
)
from pipeline.audience.decoding import detect_encoding
from pipeline.audience.exporting import csv_line, unshield
from pipeline.audience.records import TOO_LONG, Line, Record, delimiter_of, lines, records
from pipeline.model.subscriber import SubscriberState, SuppressionReason

REJECTS_HEADER: Final = ("line", "reason", "original")

_NAMED: Final = re.compile(r"\s*(?P<name>[^<>]*?)\s*<(?P<address>[^<>]*)>\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Somebody in the file."""

    line: int  # 1-based
    text: str  # as it stands there
    address: Address
    name: str  # empty if the file has none
    state: SubscriberState = SubscriberState.ACTIVE  # or PENDING
    suppression: SuppressionReason | None = None  # the file says: do not write to them


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A row of the file that nobody comes from, and why."""

    line: int  # 1-based
    text: str  # as it stands there; a huge one is cut
    reason: str
    duplicate: bool = False  # the address was there before, and that row counts


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of every row of a file."""

    total: int  # rows; blank lines and the header are none
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    unsubscribed: int = 0  # they left before, and nobody but they can undo it
    suppressed: int = 0  # here, or by what the file says
    invalid: int = 0
    duplicate: int = 0
    rejects: tuple[Reject, ...] = ()  # the invalid and the duplicate rows

    @property
    def balances(self) -> bool:
        """Whether every row is accounted for, and every rejected one can be looked at."""
        stored = self.new + self.updated + self.unchanged
        kept_out = self.unsubscribed + self.suppressed
        rejected = self.invalid + self.duplicate
        return self.total == stored + kept_out + rejected and rejected == len(self.rejects)


def read_rows(
    stream: BinaryIO, *, encoding: str | None = None, names: ColumnNames | None = None
) -> Iterator[Row | Reject]:
    """Yield a Row or a Reject for every row of a file, in its order.

    The file is CSV with any usual delimiter, with a header or with addresses from its first line
    on; or it has one address a line, alone or as `Name <address>`. Nothing in it stops the
    reading, and nothing is skipped in silence but blank lines. Memory grows by the addresses
    only, which are kept to find the duplicates.

    Args:
        stream: seekable; stays open.
        encoding: as `detect_encoding` found; None finds it again.
        names: headers of the columns where they are not the usual ones.

    Raises:
        ConfigError: no column is for addresses; nothing was yielded.
    """
    name = encoding or detect_encoding(stream).name
    stream.seek(0)
    text = io.TextIOWrapper(stream, name, errors="replace")
    try:
        yield from _without_duplicates(_read(lines(text), names or ColumnNames()))
    finally:
        text.detach()


def reject_lines(rejects: Iterable[Reject]) -> Iterator[str]:
    """Yield a CSV file of rejected rows, header first: line, reason, and the row as it was."""
    yield csv_line(REJECTS_HEADER)
    for reject in rejects:
        yield csv_line((str(reject.line), reject.reason, reject.text))


def _read(source: Iterator[Line], names: ColumnNames) -> Iterator[Row | Reject]:
    first = next(source, None)
    if first is None:
        return
    delimiter = None if _NAMED.fullmatch(first.text) else delimiter_of(first.text)
    everything = chain([first], source)
    if delimiter is None:
        yield from _read_plain(everything)
        return
    table = records(everything, delimiter)
    head = next(table)
    found = _columns_without_header(head.cells)
    if found is None:
        columns = columns_of(head.cells, names)
    else:
        columns = found
        table = chain([head], table)
    for record in table:
        yield _from_record(record, columns)


def _read_plain(source: Iterator[Line]) -> Iterator[Row | Reject]:
    for at, line in enumerate(source):
        if at == 0 and is_address_header(line.text):
            continue
        cell = line.text.strip().rstrip(",;")
        problem = TOO_LONG if line.cut else None
        yield _from_record(Record(line.number, line.text, (cell,), problem), Columns(address=0))


def _columns_without_header(cells: tuple[str, ...]) -> Columns | None:
    """Find the columns in a first row that is somebody already; None if it is a header."""
    at = next((at for at, cell in enumerate(cells) if "@" in cell), None)
    if at is None:
        return None
    is_name = len(cells) == 2 and "@" not in cells[1 - at]
    return Columns(address=at, names=(1 - at,) if is_name else ())


def _from_record(record: Record, columns: Columns) -> Row | Reject:
    if record.problem is not None:
        return _reject(record, record.problem)
    if len(record.cells) < columns.width:
        return _reject(record, f"it has {len(record.cells)} cells; the address is in the next")
    cell = unshield(record.cells[columns.address].strip())
    name = columns.name_in(record.cells)
    if named := _NAMED.fullmatch(cell):
        cell, name = named["address"], name or named["name"].strip("\"'")
    try:
        address = parse_address(cell)
    except AddressError as error:
        return _reject(record, error.reason)
    status = columns.status_in(record.cells)
    meant = meaning(status)
    if meant is None:
        return _reject(record, f"nobody knows what the status {status!a} means")
    return Row(
        line=record.line,
        text=record.text,
        address=address,
        name=clean_name(name),
        state=meant if isinstance(meant, SubscriberState) else SubscriberState.ACTIVE,
        suppression=meant if isinstance(meant, SuppressionReason) else None,
    )


def _reject(record: Record, reason: str) -> Reject:
    return Reject(line=record.line, text=record.text, reason=reason)


def _without_duplicates(rows: Iterator[Row | Reject]) -> Iterator[Row | Reject]:
    """Let the first row of an address count; but a later one that suppresses it counts too."""
    seen: dict[str, int] = {}
    suppressed: set[str] = set()
    for row in rows:
        if isinstance(row, Reject):
            yield row
            continue
        key = row.address.normalised
        first = seen.setdefault(key, row.line)
        if first != row.line and (row.suppression is None or key in suppressed):
            reason = f"the address is in line {first} already"
            yield Reject(line=row.line, text=row.text, reason=reason, duplicate=True)
            continue
        if row.suppression is not None:
            suppressed.add(key)
        yield row
