"""Reading subscribers from a file: a row each, and a reason for each that is none."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import BinaryIO, Final, NamedTuple, TypeVar

from msgspec import Struct

from pipeline.audience.address import Address, AddressError, clean_name, parse_address
from pipeline.audience.cells import CellError, language_in, meaning, proof_in, tags_in, zone_in
from pipeline.audience.columns import Columns, Rest, Wanted, columns_of, is_address_header
from pipeline.audience.decoding import detect_encoding
from pipeline.audience.duplicates import Lines
from pipeline.audience.exporting import csv_line, unshield
from pipeline.audience.records import TOO_LONG, Line, Record, delimiter_of, lines, records
from pipeline.errors import ConfigError
from pipeline.model.subscriber import SubscriberState, SuppressionReason

REJECTS_HEADER: Final = ("line", "reason", "original")

T = TypeVar("T")

MAX_VALUE: Final = 500  # characters of a field

_NO_FIELDS: Final[Mapping[str, str]] = MappingProxyType({})
_NO_TAGS: Final[frozenset[str]] = frozenset()
_NAMED: Final = re.compile(r"\s*(?P<name>[^<>]*?)\s*<(?P<address>[^<>]*)>\s*")


class Row(NamedTuple):
    """Somebody in the file."""

    line: int  # 1-based
    text: str  # as it stands there
    address: Address
    name: str  # empty if the file has none
    state: SubscriberState = SubscriberState.ACTIVE  # on the list that is imported to
    suppression: SuppressionReason | None = None  # the file says: do not write to them
    language: str | None = None
    zone: str | None = None
    tags: frozenset[str] = _NO_TAGS
    fields: Mapping[str, str] = _NO_FIELDS  # none of them empty
    proof: str = ""  # when and how they agreed, as the file says
    doubt: str = ""  # what of the row was left out, and why

    @property
    def says_no(self) -> bool:
        """Whether the file says: do not write to them."""
        return self.suppression is not None or self.state is SubscriberState.UNSUBSCRIBED


class Reject(Struct, frozen=True, kw_only=True):
    """A row of the file that nobody comes from, and why."""

    line: int  # 1-based
    text: str  # as it stands there; a huge one is cut
    reason: str
    duplicate: bool = False  # the address was there before, and that row counts


class ImportReport(Struct, frozen=True, kw_only=True):
    """What became of every row of a file."""

    total: int  # rows; blank lines and the header are none
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    unsubscribed: int = 0  # they left, here or by what the file says; only they can undo it
    suppressed: int = 0  # here, or by what the file says
    invalid: int = 0
    duplicate: int = 0
    doubtful: int = 0  # among the others: a cell of theirs meant nothing and was left out
    doubts: tuple[str, ...] = ()  # the first of them, each with its line
    rejects: tuple[Reject, ...] = ()  # the invalid and the duplicate rows

    @property
    def balances(self) -> bool:
        """Whether every row is accounted for, and every rejected one can be looked at."""
        stored = self.new + self.updated + self.unchanged
        kept_out = self.unsubscribed + self.suppressed
        rejected = self.invalid + self.duplicate
        return self.total == stored + kept_out + rejected and rejected == len(self.rejects)


def read_rows(
    stream: BinaryIO, *, encoding: str | None = None, wanted: Wanted | None = None
) -> Iterator[Row | Reject]:
    """Yield a Row or a Reject for every row of a file, in its order.

    The file is CSV with any usual delimiter, with a header or with addresses from its first line
    on; or it has one address a line, alone or as `Name <address>`. Nothing in it stops the
    reading, and nothing is skipped in silence but blank lines. Memory does not grow with the file:
    what is needed to find the duplicates is in a temporary one.

    Args:
        stream: seekable; stays open.
        encoding: as `detect_encoding` found; None finds it again.
        wanted: what the operator says of the columns; they need a header then.

    Raises:
        ConfigError: no column is for addresses, or one that is wanted is not there; nothing was
            yielded. Or there is no room for a temporary file.
    """
    name = encoding or detect_encoding(stream).name
    stream.seek(0)
    text = io.TextIOWrapper(stream, name, errors="replace")
    try:
        yield from _without_duplicates(_read(lines(text), wanted or Wanted()))
    finally:
        text.detach()


def reject_lines(rejects: Iterable[Reject]) -> Iterator[str]:
    """Yield a CSV file of rejected rows, header first: line, reason, and the row as it was."""
    yield csv_line(REJECTS_HEADER)
    for reject in rejects:
        yield csv_line((str(reject.line), reject.reason, reject.text))


def _read(source: Iterator[Line], wanted: Wanted) -> Iterator[Row | Reject]:
    first = next(source, None)
    if first is None:
        return
    delimiter = None if _NAMED.fullmatch(first.text) else delimiter_of(first.text)
    everything = chain([first], source)
    if delimiter is None:
        if wanted.roles or wanted.fields:
            raise ConfigError("columns are named, and the file has one only")
        yield from _read_plain(everything)
        return
    table = records(everything, delimiter)
    head = next(table)
    found = None if wanted.roles or wanted.fields else _columns_without_header(head.cells)
    if found is None:
        columns = columns_of(tuple(unshield(cell) for cell in head.cells), wanted)
    else:
        columns = found
        table = chain([head], table)
    for record in table:
        yield _from_record(record, columns)


def _read_plain(source: Iterator[Line]) -> Iterator[Row | Reject]:
    columns = Columns(address=0)
    for at, line in enumerate(source):
        if at == 0 and is_address_header(line.text):
            continue
        cell = line.text.strip().rstrip(",;")
        problem = TOO_LONG if line.cut else None
        yield _from_record(Record(line.number, line.text, (cell,), problem), columns)


def _columns_without_header(cells: tuple[str, ...]) -> Columns | None:
    """Find the columns in a first row that is somebody already; None if it is a header."""
    at = next((at for at, cell in enumerate(cells) if "@" in cell), None)
    if at is None:
        return None
    is_name = len(cells) == 2 and "@" not in cells[1 - at]
    return Columns(address=at, names=(1 - at,) if is_name else ())


def _from_record(record: Record, columns: Columns) -> Row | Reject:
    cells = record.cells
    if record.problem is not None:
        return _reject(record, record.problem)
    if len(cells) <= columns.address:
        return _reject(record, f"it has {len(cells)} cells; the address is in the next")
    cell = _cell(cells, columns.address)
    name = _name(cells, columns.names)
    if "<" in cell and (named := _NAMED.fullmatch(cell)):
        cell, name = named["address"], name or named["name"].strip("\"'")
    try:
        address = parse_address(cell)
    except AddressError as error:
        return _reject(record, error.reason)
    if columns.rest is None:
        return Row(record.line, record.text, address, clean_name(name))
    return _with_the_rest(record, columns.rest, address, clean_name(name))


def _with_the_rest(record: Record, rest: Rest, address: Address, name: str) -> Row | Reject:
    """Return the row of a file that has more than addresses and names."""
    cells = record.cells
    meant = meaning(_cell(cells, rest.status))
    if meant is None:
        status = _cell(cells, rest.status)
        return _reject(record, f"nobody knows what the status {status!a} means")
    suppression = meant if isinstance(meant, SuppressionReason) else None
    state = meant if isinstance(meant, SubscriberState) else SubscriberState.ACTIVE
    doubts: list[str] = []
    language = _understood(language_in, _cell(cells, rest.language), doubts)
    zone = _understood(zone_in, _cell(cells, rest.zone), doubts)
    tags = _understood(tags_in, _cell(cells, rest.tags), doubts) or _NO_TAGS
    fields = {
        name: value
        for name, at in rest.fields.items()
        if at < len(cells) and (value := clean_name(unshield(cells[at].strip()), MAX_VALUE))
    }
    proof = proof_in(_cell(cells, rest.agreed_on), _cell(cells, rest.agreed_how))
    doubt = "; ".join(doubts)
    said = (address, name, state, suppression, language, zone, tags, fields, proof, doubt)
    return Row(record.line, record.text, *said)


def _cell(cells: tuple[str, ...], at: int | None) -> str:
    return "" if at is None or at >= len(cells) else unshield(cells[at].strip())


def _name(cells: tuple[str, ...], at: tuple[int, ...]) -> str:
    return _cell(cells, at[0]) if len(at) == 1 else " ".join([_cell(cells, each) for each in at])


def _understood(read: Callable[[str], T], cell: str, doubts: list[str]) -> T | None:
    """Read a cell; one that means nothing costs itself only, and a word about it."""
    try:
        return read(cell)
    except CellError as error:
        doubts.append(str(error))
        return None


def _reject(record: Record, reason: str) -> Reject:
    return Reject(line=record.line, text=record.text, reason=reason)


def _without_duplicates(rows: Iterator[Row | Reject]) -> Iterator[Row | Reject]:
    """Let the first row of an address count; but a later one that says no counts too."""
    seen = Lines()
    refusing: set[str] = set()
    for row in rows:
        if isinstance(row, Reject):
            yield row
            continue
        key = row.address.normalised
        first = seen.first(key, row.line)
        if first != row.line and (not row.says_no or key in refusing):
            reason = f"the address is in line {first} already"
            yield Reject(line=row.line, text=row.text, reason=reason, duplicate=True)
            continue
        if row.says_no:
            refusing.add(key)
        yield row
