"""Bring people in, from a file or one by one; nobody who left comes back by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Final, Self

from msgspec import Struct

from pipeline.audience.address import clean_name, parse_address
from pipeline.audience.columns import Wanted
from pipeline.audience.decoding import detect_encoding
from pipeline.audience.importing import ImportReport, Reject, Row, read_rows
from pipeline.errors import ConfigError
from pipeline.model.ports import Clock
from pipeline.model.subscriber import Consent, ConsentAction, SuppressionReason
from pipeline.storage.standing import NO_TAGS, NewSubscriber, Standing
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.suppressions import Suppressions
from pipeline.storage.turns import Turns

WINDOW: Final = 20_000  # rows in memory, sorted before they are stored
_SHOWN: Final = 10  # doubts; the file has the others


class Enrol(Struct, frozen=True, kw_only=True):
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
                count, turns = _Count(), Turns()
                ahead = list(islice(rows, WINDOW))
                while ahead:
                    window, ahead = _Batch.of(ahead, tags), []
                    count.reads(window)
                    if not dry_run:
                        self.suppressions.add_all(window.barred, now=self.clock())
                    for some in _slices(window.people, turns, dry_run=dry_run):
                        if dry_run:
                            count.stands(self.subscribers.foresee(some))
                        else:
                            with turns.turn():
                                count.stands(self._store(some, source))
                        ahead += islice(rows, len(some))  # meanwhile others have their turn
                        progress(count.total, min(1.0, stream.tell() / size))
                    ahead += islice(rows, WINDOW - len(ahead))
                    progress(count.total, min(1.0, stream.tell() / size))
                return count.report()
        except OSError as error:
            raise ConfigError(f"{file}: {error.strerror}") from error

    def _store(self, people: Sequence[NewSubscriber], source: str) -> tuple[Standing, ...]:
        return self.subscribers.upsert(people, self._word("import", source))

    def _word(self, method: str, source: str) -> Consent:
        action = ConsentAction.GIVEN.value
        return Consent(action=action, method=method, source=source, at=self.clock())


def _slices(
    people: list[NewSubscriber], turns: Turns, *, dry_run: bool
) -> Iterator[list[NewSubscriber]]:
    """Yield people in the order of their addresses, as many as one turn stores.

    Neighbours in the index of addresses are in one page of it: in the order of a file, each
    transaction would write nearly all pages anew.
    """
    people.sort(key=attrgetter("normalised"))
    at = 0
    while at < len(people):
        size = WINDOW if dry_run else turns.rows
        yield people[at : at + size]
        at += size


@dataclass(slots=True)
class _Batch:
    """Rows that are read together; of who is in it, only what is stored."""

    people: list[NewSubscriber] = field(default_factory=list)
    barred: list[tuple[str, SuppressionReason]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, rows: Iterable[Row | Reject], tags: frozenset[str]) -> Self:
        """Sort rows; everybody in them gets the tags."""
        batch = cls()
        for row in rows:
            if isinstance(row, Reject):
                batch.rejects.append(row)
                continue
            if row.doubt:
                batch.doubts.append(f"line {row.line}: {row.doubt}")
            if row.suppression:
                batch.barred.append((row.address.normalised, row.suppression))
            else:
                batch.people.append(_new(row, tags))
        return batch


@dataclass(slots=True)
class _Count:
    """What became of the rows so far."""

    total: int = 0
    doubtful: int = 0
    doubts: list[str] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    standings: Counter[str] = field(default_factory=Counter)

    def reads(self, batch: _Batch) -> None:
        """Take note of what was read."""
        rows = len(batch.people) + len(batch.barred) + len(batch.rejects)
        self.total += rows
        self.rejects += batch.rejects
        self.doubtful += len(batch.doubts)
        self.doubts += batch.doubts[: _SHOWN - len(self.doubts)]
        self.standings[Standing.SUPPRESSED] += len(batch.barred)

    def stands(self, standings: Iterable[Standing]) -> None:
        """Take note of what became of people."""
        self.standings.update(standings)

    def report(self) -> ImportReport:
        """Return everything that was counted."""
        return ImportReport(
            total=self.total,
            **{standing.value: self.standings[standing] for standing in Standing},
            invalid=sum(not reject.duplicate for reject in self.rejects),
            duplicate=sum(reject.duplicate for reject in self.rejects),
            doubtful=self.doubtful,
            doubts=tuple(self.doubts),
            rejects=tuple(self.rejects),
        )


def _new(row: Row, tags: frozenset[str]) -> NewSubscriber:
    return NewSubscriber(
        address=row.address.given,
        normalised=row.address.normalised,
        name=row.name,
        state=row.state,
        language=row.language,
        zone=row.zone,
        tags=row.tags | tags if row.tags else tags,
        fields=row.fields,
        proof=row.proof,
    )
