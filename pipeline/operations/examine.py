"""Take an issue file all the way to the message, without writing anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.errors import ConfigError
from pipeline.formats.codes import CODES as READER_CODES
from pipeline.images.codes import CODES as PICTURE_CODES
from pipeline.images.collect import Collector
from pipeline.model.entry import EntryId
from pipeline.model.issue import Issue
from pipeline.model.newsletter import Newsletter
from pipeline.model.rendered import RenderedIssue
from pipeline.model.sample_reader import SAMPLE_READERS
from pipeline.operations.read import ReadIssue
from pipeline.operations.sample import sample_message
from pipeline.outbox.compose import compose
from pipeline.outbox.folder import entry_id
from pipeline.outbox.message import MessageTemplate
from pipeline.preflight import Filled, Rule, check
from pipeline.preflight.verdict import judge
from pipeline.render import Renderer


class Composed(Struct, frozen=True, kw_only=True):
    """An issue taken to its message; nobody has judged it yet."""

    file: Path
    entry: EntryId
    issue: Issue  # its pictures with the addresses they have on the site
    mailed: Issue  # its pictures with the addresses they have in the mail
    rendered: RenderedIssue
    template: MessageTemplate
    said: tuple[Diagnostic, ...]  # by the reader and about pictures


class Examined(Struct, frozen=True, kw_only=True):
    """Everything known of an issue before it is frozen."""

    file: Path
    entry: EntryId
    issue: Issue  # its pictures with the addresses they have on the site
    rendered: RenderedIssue
    message: bytes  # the sample message
    diagnostics: tuple[Diagnostic, ...]  # of reader, pictures and preflight, as they count


class Examine(Struct, frozen=True, kw_only=True):
    """Read, render, compose and check one file: the same bytes that would be sent."""

    read: ReadIssue
    collect: Collector
    renderer_for: Callable[[str | None], Renderer]  # by template; None: the newsletter's
    newsletter: Newsletter
    rules: Sequence[Rule]
    severity: Mapping[str, Severity | None] = field(default_factory=dict)  # None: off

    def __call__(self, file: Path) -> Examined:
        """Examine one file; nothing is written.

        Raises:
            IssueError, ConfigError, TemplateError, MessageError: it does not get that far.
        """
        return self.judge(self.compose(file))

    def compose(self, file: Path) -> Composed:
        """Take one file to its message; see `__call__`."""
        reading = self.read(file)
        entry = entry_id(reading.issue.slug or file.stem)
        collected = self.collect(reading.issue, file=file, entry=entry, newsletter=self.newsletter)
        issue = collected.issue
        rendered = replace(
            self._renderer(reading.issue, file).render(
                collected.mailed,
                self.newsletter,
                web_url=issue_url(issue, entry, self.newsletter),
            ),
            pictures=collected.pictures,
        )
        return Composed(
            file=file,
            entry=entry,
            issue=issue,
            mailed=collected.mailed,
            rendered=rendered,
            template=compose(rendered, self.newsletter, entry_id=entry),
            said=reading.diagnostics + collected.diagnostics,
        )

    def judge(self, composed: Composed) -> Examined:
        """Say what is wrong with a message.

        Raises:
            MessageError: a sample reader cannot be written to.
        """
        issue, rendered = composed.issue, composed.rendered
        message = composed.template.sample(issue.date)
        found = check(
            composed.mailed,
            rendered,
            self.newsletter,
            message=message,
            samples=[
                Filled(each, sample_message(composed.template, each, issue.date))
                for each in SAMPLE_READERS
            ],
            rules=self.rules,
        )
        judged = judge(
            composed.mailed,
            [*composed.said, *found],
            severity=self.severity,
            known=READER_CODES.keys() | PICTURE_CODES.keys(),
        )
        file = composed.file
        return Examined(
            file=file,
            entry=composed.entry,
            issue=issue,
            rendered=rendered,
            message=message,
            diagnostics=tuple(
                each if each.file else replace(each, file=str(file)) for each in judged
            ),
        )

    def _renderer(self, issue: Issue, file: Path) -> Renderer:
        try:
            return self.renderer_for(issue.template)
        except ConfigError as error:
            if issue.template is None:
                raise
            raise ConfigError(f"{_place(issue, file)}: {error}") from error


def _place(issue: Issue, file: Path) -> str:
    spans = dict(issue.provenance.spans) if issue.provenance else {}
    span = spans.get("/template")
    return f"{file}:{span.line}" if span else str(file)


def issue_url(issue: Issue, entry: EntryId, newsletter: Newsletter) -> str:
    """Return where the issue is read on the web."""
    return issue.canonical_url or f"{newsletter.site_url}/issues/{entry}/"
