"""Take an issue file all the way to the message, without writing anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.errors import Diagnostic
from pipeline.model.entry import EntryId
from pipeline.model.issue import Issue
from pipeline.model.newsletter import Newsletter
from pipeline.model.rendered import RenderedIssue
from pipeline.operations.read import ReadIssue
from pipeline.outbox.compose import compose
from pipeline.outbox.folder import entry_id
from pipeline.preflight import Rule, check
from pipeline.render import Renderer


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """Everything known of an issue before it is frozen."""

    file: Path
    entry: EntryId
    issue: Issue
    rendered: RenderedIssue
    message: bytes  # the sample message
    said: tuple[Diagnostic, ...]  # by the reader: warnings and notes
    found: tuple[Diagnostic, ...]  # by preflight

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Both, the reader's first."""
        return self.said + self.found


@dataclass(frozen=True, slots=True, kw_only=True)
class Examine:
    """Read, render, compose and check one file: the same bytes that would be sent."""

    read: ReadIssue
    renderer: Renderer
    newsletter: Newsletter
    rules: Sequence[Rule]

    def __call__(self, file: Path) -> Examined:
        """Examine one file; nothing is written.

        Raises:
            IssueError, ConfigError, TemplateError, MessageError: it does not get that far.
        """
        reading = self.read(file)
        issue = reading.issue
        entry = entry_id(issue.slug or file.stem)
        rendered = self.renderer.render(
            issue, self.newsletter, web_url=issue_url(issue, entry, self.newsletter)
        )
        message = compose(rendered, self.newsletter, entry_id=entry).sample(issue.date)
        return Examined(
            file=file,
            entry=entry,
            issue=issue,
            rendered=rendered,
            message=message,
            said=reading.diagnostics,
            found=tuple(
                each if each.file else replace(each, file=str(file))
                for each in self._found(issue, rendered, message)
            ),
        )

    def _found(
        self, issue: Issue, rendered: RenderedIssue, message: bytes
    ) -> tuple[Diagnostic, ...]:
        return check(issue, rendered, self.newsletter, message=message, rules=self.rules)


def issue_url(issue: Issue, entry: EntryId, newsletter: Newsletter) -> str:
    """Return where the issue is read on the web."""
    return issue.canonical_url or f"{newsletter.site_url}/issues/{entry}/"
