"""Write an issue in any format as canonical Markdown."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from pipeline.diagnostic import Diagnostic
from pipeline.formats import read
from pipeline.formats.markdown_writer import write_markdown
from pipeline.operations.read import ReadIssue


class Convert(Struct, frozen=True, kw_only=True):
    """Give the author a Markdown file to go on with."""

    read: ReadIssue

    def __call__(self, file: Path) -> tuple[str, tuple[Diagnostic, ...]]:
        """Return the Markdown, read back and compared, and what the reader said.

        Raises:
            IssueError: the file is not an issue.
        """
        reading = self.read(file)
        markdown = write_markdown(reading.issue)
        again = read(markdown.encode(), f"{file.stem}.md", format="markdown").issue
        if again != reading.issue:
            raise AssertionError(f"{file}: the Markdown would not say the same; nothing written")
        return markdown, reading.diagnostics
