"""Look at an issue as the bytes that would leave, for any reader."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from pipeline.diagnostic import Diagnostic
from pipeline.errors import OutboxError
from pipeline.model.entry import EntryId
from pipeline.model.issue_json import from_json
from pipeline.model.newsletter import Newsletter
from pipeline.model.rendered import RenderedIssue
from pipeline.model.sample_reader import SampleReader
from pipeline.operations.examine import Composed, Examine
from pipeline.operations.messages import Sign
from pipeline.operations.sample import sample_message
from pipeline.outbox.compose import compose
from pipeline.outbox.folder import Outbox
from pipeline.outbox.message import MessageTemplate


class Look(Struct, frozen=True, kw_only=True):
    """What would be sent of an issue: composed for everybody, to be filled for one."""

    entry: EntryId
    title: str
    rendered: RenderedIssue
    template: MessageTemplate
    issued: date | None  # of the issue; stands in for the moment of sending
    found: tuple[Diagnostic, ...]
    composed: (
        Composed | None
    )  # an issue file to be judged; None: an entry, judged when it was built
    source: str  # the issue file, or issue.json of an entry
    differs: bool | None  # from what is frozen; None: nothing is

    @property
    def digest(self) -> str:
        """A name for exactly this message, whoever gets it."""
        return sha256(b"\0".join(self.template.parts)).hexdigest()


class Preview(Struct, frozen=True, kw_only=True):
    """Go the way of a build and of a dispatch, and stop before anything is written or sent."""

    examine: Examine
    outbox: Outbox
    newsletter: Newsletter
    sign: Sign | None
    unsigned: str  # why there is no signature; empty if there is one

    def file(self, file: Path) -> Look:
        """Look at an issue file as it is now; `judged` says what preflight finds.

        Raises:
            IssueError, ConfigError, TemplateError, MessageError: it does not get that far.
        """
        composed = self.examine.compose(file)
        rendered = composed.rendered
        frozen = self._frozen(composed.entry)
        return Look(
            entry=composed.entry,
            title=composed.issue.title,
            rendered=rendered,
            template=composed.template,
            issued=composed.issue.date,
            found=(),
            composed=composed,
            source=source_text(file),
            differs=None if frozen is None else frozen != rendered,
        )

    def judged(self, look: Look) -> Look:
        """Return a look at an issue file with what preflight finds."""
        if look.composed is None:
            return look
        return replace(look, found=self.examine.judge(look.composed).diagnostics, composed=None)

    def entry(self, entry: EntryId) -> Look:
        """Look at a frozen entry.

        Raises:
            OutboxError: there is none of that name, or it is not as it was left.
            ConfigError: that is no name of an entry.
        """
        source = self.outbox.part(entry, "issue.json").decode()
        rendered = self.outbox.rendered(entry)
        issue = from_json(json.loads(source))
        return Look(
            entry=entry,
            title=issue.title,
            rendered=rendered,
            template=compose(rendered, self.newsletter, entry_id=entry),
            issued=issue.date,
            found=self.outbox.check(entry),
            composed=None,
            source=source,
            differs=None,
        )

    def message(self, look: Look, who: SampleReader) -> bytes:
        """Return the message somebody would get, signed if dispatches are.

        The links in it lead nowhere, and Message-ID and Date are invented: those of a dispatch
        are made when it starts. The same look gives the same bytes.

        Raises:
            MessageError: the address or the name cannot stand in a message.
        """
        message = sample_message(look.template, who, look.issued)
        return self.sign(message) if self.sign else message

    def _frozen(self, entry: EntryId) -> RenderedIssue | None:
        try:
            return self.outbox.rendered(entry)
        except OutboxError:  # none, or damaged: looking at the entry says so
            return None


def source_text(file: Path) -> str:
    """Return a text file for people to look at; what is not UTF-8 in it is replaced."""
    return file.read_bytes().decode("utf-8-sig", errors="replace")


def lines_around(lines: Sequence[str], line: int, *, context: int = 2) -> list[tuple[int, str]]:
    """Return numbered lines around one of them; nothing where there is no such line."""
    first, last = max(1, line - context), min(len(lines), line + context)
    return [(number, lines[number - 1]) for number in range(first, last + 1)]
