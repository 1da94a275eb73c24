"""What a format is: the port every reader of issue files implements, ours and yours."""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

from pipeline.diagnostic import Diagnostic
from pipeline.formats.source import SourceText
from pipeline.model.issue import Issue

DateOrder = Literal["dmy", "mdy"]


class Options(Struct, frozen=True, kw_only=True):
    """What the user says about a file because the file does not."""

    date_order: DateOrder | None = None  # how 03/04/2026 is meant


class Reading(Struct, frozen=True, kw_only=True):
    """An issue, and what there is to say about its file: warnings and notes, never errors."""

    issue: Issue
    diagnostics: tuple[Diagnostic, ...] = ()


class Score(Struct, frozen=True):
    """How well a file fits a format, and why."""

    format: str
    points: int  # 0 to 100; under 30 is no evidence
    reasons: tuple[str, ...] = ()


class Format(Protocol):
    """One way to write an issue."""

    @property
    def name(self) -> str:
        """What `--from` calls it."""
        ...

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of file names that speak for this format, such as ".md"."""
        ...

    def sniff(self, source: SourceText) -> Score:
        """Judge a file by its text alone; the caller weighs the file name.

        Pure, total and cheap: it looks at every file, also at those of other formats.
        """
        ...

    def read(self, source: SourceText, options: Options) -> Reading:
        """Read an issue.

        Returns:
            The issue with its provenance: every line that is not blank stands in exactly one of
            `spans`, `nav` and `unassigned`.

        Raises:
            IssueError: the author has to mend something; every diagnostic names line and remedy.
        """
        ...
