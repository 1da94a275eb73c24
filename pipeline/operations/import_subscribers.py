"""Bring people in from a file; nobody is lost on a bad row, nobody comes back who left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import sleep
from typing import BinaryIO

from pipeline.audience.decoding import detect_encoding
from pipeline.audience.importing import ImportReport, Reject, Row, read_rows
from pipeline.errors import ConfigError
from pipeline.model.ports import Clock
from pipeline.model.subscriber import Consent, SubscriberState
from pipeline.storage.standing import NewSubscriber, Standing
from pipeline.storage.subscribers import BATCH, Subscribers
from pipeline.storage.suppressions import Suppressions

# SQLite's lock is not fair: between two batches, whoever unsubscribes just now gets a turn.
_COURTESY_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSubscribers:
    """Read a CSV file or one address a line, and write down who may be written to."""

    subscribers: Subscribers
    suppressions: Suppressions
    clock: Clock

    def __call__(
        self,
        file: Path,
        *,
        source: str,
        dry_run: bool = False,
        progress: Callable[[int], None] = lambda _: None,
        warn: Callable[[str], None] = lambda _: None,
    ) -> ImportReport:
        """Import a file.

        Args:
            file: CSV with any usual delimiter and header, or one address a line.
            source: how these people agreed, in the operator's words; kept as proof.
            dry_run: count what would happen; change nothing.
            progress: told how many rows were read so far.
            warn: told what had to be guessed about the file.

        Raises:
            ConfigError: the file cannot be read, or has no column of addresses.
            StorageError: the batch in hand was not written, those before it were; import the
                same file again to go on.
        """
        try:
            with file.open("rb") as stream:
                if guessed := detect_encoding(stream).warning:
                    warn(f"{file}: {guessed}")
                return self._import(stream, source, dry_run=dry_run, progress=progress)
        except OSError as error:
            raise ConfigError(f"{file}: {error.strerror}") from error

    def _import(
        self, stream: BinaryIO, source: str, *, dry_run: bool, progress: Callable[[int], None]
    ) -> ImportReport:
        agreed = Consent(action="given", method="import", source=source, at=self.clock())
        counts: Counter[str] = Counter()
        rejects: list[Reject] = []
        rows = read_rows(stream)
        total = 0
        while batch := list(islice(rows, BATCH)):
            total += len(batch)
            rejects += [row for row in batch if isinstance(row, Reject)]
            counts += self._store([row for row in batch if isinstance(row, Row)], agreed, dry_run)
            progress(total)
        return ImportReport(
            total=total,
            **{standing.value: counts[standing.value] for standing in Standing},
            invalid=sum(not reject.duplicate for reject in rejects),
            duplicate=sum(reject.duplicate for reject in rejects),
            rejects=tuple(rejects),
        )

    def _store(self, rows: list[Row], agreed: Consent, dry_run: bool) -> Counter[str]:
        barred = [(row.address.normalised, row.suppression) for row in rows if row.suppression]
        welcome = [_new(row) for row in rows if not row.suppression]
        if dry_run:
            standings = self.subscribers.foresee(welcome)
        else:
            self.suppressions.add_all(
                [(address, reason) for address, reason in barred if reason], now=agreed.at
            )
            standings = self.subscribers.upsert(welcome, agreed)
            sleep(_COURTESY_S)
        counts = Counter(standing.value for standing in standings)
        counts[Standing.SUPPRESSED.value] += len(barred)
        return counts


def _new(row: Row) -> NewSubscriber:
    state = row.state if row.state is SubscriberState.PENDING else SubscriberState.ACTIVE
    return NewSubscriber(
        address=row.address.given, normalised=row.address.normalised, name=row.name, state=state
    )
