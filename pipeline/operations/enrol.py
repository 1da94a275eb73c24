"""Bring people in, from a file or one by one; nobody who left comes back by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from time import sleep
from typing import BinaryIO, Final

from pipeline.audience.address import clean_name, parse_address
from pipeline.audience.columns import Wanted
from pipeline.audience.decoding import detect_encoding
from pipeline.audience.importing import ImportReport, Reject, Row, read_rows
from pipeline.errors import ConfigError
from pipeline.model.ports import Clock
from pipeline.model.subscriber import Consent, ConsentAction, SubscriberState
from pipeline.storage.standing import NO_TAGS, NewSubscriber, Standing
from pipeline.storage.subscribers import BATCH, Subscribers
from pipeline.storage.suppressions import Suppressions

# SQLite's lock is not fair: between two batches, whoever unsubscribes just now gets a turn.
_COURTESY_S: Final = 0.01
# Rows with the same proof of consent share a transaction; a wider window finds more of them.
_WINDOW: Final = 20 * BATCH
_SHOWN: Final = 10  # doubts; the file has the others


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrol:
    """Write down who may be written to, on one list."""

    subscribers: Subscribers
    suppressions: Suppressions
    clock: Clock

    def one(
        self,
        address: str,
        *,
        source: str,
        name: str = "",
        language: str | None = None,
        zone: str | None = None,
        tags: frozenset[str] = NO_TAGS,
        fields: Mapping[str, str] | None = None,
    ) -> Standing:
        """Write down a person who agreed.

        Args:
            address: theirs.
            source: how they agreed, in the operator's words; kept as proof.
            name: how to greet them.
            language: BCP 47.
            zone: IANA.
            tags: as `tag_name` makes them.
            fields: named as `field_name` makes them, none empty.

        Raises:
            AddressError: this is no address.
        """
        parsed = parse_address(address)
        new = NewSubscriber(
            address=parsed.given,
            normalised=parsed.normalised,
            name=clean_name(name),
            language=language,
            zone=zone,
            tags=tags,
            fields=fields or {},
        )
        return self.subscribers.add(new, self._word("command", source))

    def file(
        self,
        file: Path,
        *,
        source: str,
        wanted: Wanted | None = None,
        tags: frozenset[str] = NO_TAGS,
        dry_run: bool = False,
        progress: Callable[[int, float], None] = lambda _, __: None,
        warn: Callable[[str], None] = lambda _: None,
    ) -> ImportReport:
        """Import a file.

        Args:
            file: CSV with any usual delimiter and header, or one address a line.
            source: how these people agreed, in the operator's words; kept as proof, together
                with what the file says of it.
            wanted: what the columns are.
            tags: for everybody in it, as `tag_name` makes them.
            dry_run: count what would happen; change nothing.
            progress: told how many rows were read so far, and what share of the file, 0 to 1.
            warn: told what had to be guessed about the file.

        Raises:
            ConfigError: the file cannot be read, or has no column of addresses.
            StorageError: the batch in hand was not written, those before it were; import the
                same file again to go on.
        """
        try:
            with file.open("rb") as stream:
                found = detect_encoding(stream)
                if found.warning:
                    warn(f"{file}: {found.warning}")
                rows = read_rows(stream, encoding=found.name, wanted=wanted)
                size = max(1, file.stat().st_size)
                count = _Count()
                # A window is one batch unless rows bring proofs of their own.
                for window in _windows(rows, stream, size, progress):
                    count.read(window)
                    people = [row for row in window if isinstance(row, Row)]
                    count.standings += self._store(people, source, tags, dry_run=dry_run)
                return count.report()
        except OSError as error:
            raise ConfigError(f"{file}: {error.strerror}") from error

    def _store(
        self, rows: list[Row], source: str, tags: frozenset[str], *, dry_run: bool
    ) -> Counter[str]:
        barred = [(row.address.normalised, row.suppression) for row in rows if row.suppression]
        welcome: dict[str, list[NewSubscriber]] = {}
        for row in rows:
            if not row.suppression:
                welcome.setdefault(row.proof, []).append(_new(row, tags))
        counts = Counter({Standing.SUPPRESSED.value: len(barred)})
        if not dry_run:
            self.suppressions.add_all(
                [(address, reason) for address, reason in barred if reason], now=self.clock()
            )
        for proof, people in welcome.items():
            for batch in _batches(iter(people)):
                if dry_run:
                    standings = self.subscribers.foresee(batch)
                else:
                    word = self._word("import", "; ".join(filter(None, (source, proof))))
                    standings = self.subscribers.upsert(batch, word)
                    sleep(_COURTESY_S)
                counts.update(standing.value for standing in standings)
        return counts

    def _word(self, method: str, source: str) -> Consent:
        action = ConsentAction.GIVEN.value
        return Consent(action=action, method=method, source=source, at=self.clock())


@dataclass(slots=True)
class _Count:
    """What became of the rows so far."""

    total: int = 0
    doubtful: int = 0
    doubts: list[str] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    standings: Counter[str] = field(default_factory=Counter)

    def read(self, rows: Iterable[Row | Reject]) -> None:
        """Take note of what was read."""
        for row in rows:
            self.total += 1
            if isinstance(row, Reject):
                self.rejects.append(row)
            elif row.doubt:
                self.doubtful += 1
                if len(self.doubts) < _SHOWN:
                    self.doubts.append(f"line {row.line}: {row.doubt}")

    def report(self) -> ImportReport:
        """Return everything that was counted."""
        return ImportReport(
            total=self.total,
            **{standing.value: self.standings[standing.value] for standing in Standing},
            invalid=sum(not reject.duplicate for reject in self.rejects),
            duplicate=sum(reject.duplicate for reject in self.rejects),
            doubtful=self.doubtful,
            doubts=tuple(self.doubts),
            rejects=tuple(self.rejects),
        )


def _windows(
    rows: Iterator[Row | Reject],
    stream: BinaryIO,
    size: int,
    progress: Callable[[int, float], None],
) -> Iterator[list[Row | Reject]]:
    """Yield the rows by the batch; more at once where they have proofs to be sorted by."""
    total = 0
    while window := list(islice(rows, BATCH)):
        if any(isinstance(row, Row) and row.proof for row in window):
            window += islice(rows, _WINDOW - BATCH)
        yield window
        total += len(window)
        progress(total, min(1.0, stream.tell() / size))


def _batches(people: Iterator[NewSubscriber]) -> Iterator[list[NewSubscriber]]:
    while batch := list(islice(people, BATCH)):
        yield batch


def _new(row: Row, tags: frozenset[str]) -> NewSubscriber:
    pending = row.state is SubscriberState.PENDING
    return NewSubscriber(
        address=row.address.given,
        normalised=row.address.normalised,
        name=row.name,
        state=SubscriberState.PENDING if pending else SubscriberState.ACTIVE,
        language=row.language,
        zone=row.zone,
        tags=row.tags | tags if row.tags else tags,
        fields=row.fields,
    )
