"""Freeze issues in the outbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from pipeline.diagnostic import Diagnostic
from pipeline.errors import ConfigError
from pipeline.model.entry import Counts, Entry, EntryId
from pipeline.model.issue import Issue
from pipeline.model.issue_json import to_json
from pipeline.model.newsletter import Newsletter
from pipeline.model.reading import reading_minutes, word_count
from pipeline.operations.examine import Examine, Examined
from pipeline.outbox.folder import Outbox


class Built(Struct, frozen=True, kw_only=True):
    """An entry, and whether this build changed it."""

    file: Path
    entry: Entry
    changed: bool
    diagnostics: tuple[Diagnostic, ...]


class Build(Struct, frozen=True, kw_only=True):
    """Examine every file first, then write: a mistake in one file leaves the outbox as it was."""

    examine: Examine
    outbox: Outbox
    newsletter: Newsletter

    def __call__(
        self, files: Sequence[Path], *, progress: Callable[[Path], None] = lambda _: None
    ) -> tuple[Built, ...]:
        """Build files; unchanged entries are not touched.

        Raises:
            IssueError: the first file that is wrong; nothing was written.
            OutboxError: writing failed; every entry is as it was or complete.
        """
        examined: list[Examined] = []
        for file in files:
            progress(file)
            examined.append(self.examine(file))
        _refuse_collisions(examined)
        built = tuple(self._freeze(each) for each in examined)
        self.outbox.write_index(self.newsletter)
        return built

    def _freeze(self, examined: Examined) -> Built:
        issue = examined.issue
        written = self.outbox.put(
            examined.entry,
            title=issue.title,
            number=issue.number,
            date=issue.date.isoformat() if issue.date else None,
            counts=Counts(
                sections=len(issue.sections),
                stories=len(issue.stories),
                words=word_count(issue),
                minutes=reading_minutes(issue),
            ),
            tag=f"tag:{self.newsletter.host},{self.newsletter.since}:issue:{examined.entry}",
            issue_json=issue_document(issue, examined.file.name),
            rendered=examined.rendered,
            message=examined.message,
            check=tuple(replace(each, file=examined.file.name) for each in examined.diagnostics),
        )
        return Built(
            file=examined.file,
            entry=written.entry,
            changed=written.changed,
            diagnostics=examined.diagnostics,
        )


def issue_document(issue: Issue, name: str) -> bytes:
    """Return issue.json, the same on every machine and from every folder.

    Args:
        issue: what was read.
        name: of the file it was read from, without its path.
    """
    if issue.provenance is not None:
        issue = replace(issue, provenance=replace(issue.provenance, file=name))
    return (json.dumps(to_json(issue), indent=2, ensure_ascii=False) + "\n").encode()


def _refuse_collisions(examined: Sequence[Examined]) -> None:
    """Two files that would be one entry are a mistake: one would silently replace the other."""
    owners: dict[EntryId, Path] = {}
    for each in examined:
        other = owners.setdefault(each.entry, each.file)
        if other != each.file:
            raise ConfigError(
                f"{each.file}: would be the same entry as {other} ({each.entry}); "
                "give one of them a `slug` or another file name"
            )
