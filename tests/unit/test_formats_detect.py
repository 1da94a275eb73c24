"""Which format a file is in."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import formats
from pipeline.errors import IssueError, UnknownPluginError

DATA = Path(__file__).parents[1] / "data" / "formats"


@pytest.mark.parametrize(
    ("name", "format_name"),
    [("labelled.txt", "labelled"), ("sectioned.txt", "sectioned"), ("canonical.md", "markdown")],
)
def test_the_text_decides_and_the_name_is_only_a_hint(name: str, format_name: str) -> None:
    """A file is known under a wrong name and under none."""
    data = (DATA / name).read_bytes()

    for file in (name, "91", "91.txt", "91.md"):
        best, second, _ = formats.detect(data, file)
        assert best.format == format_name
        assert best.points - second.points >= 15
        assert best.reasons


def test_a_plain_letter_named_markdown_is_markdown() -> None:
    """Prose alone is no evidence, but the name is enough then."""
    data = b"Dear readers,\n\nthis week there is no news.\n"

    assert formats.read(data, "a-letter.md").issue.title == "A letter"
    with pytest.raises(IssueError) as caught:
        formats.read(data, "a-letter.txt")
    (found,) = caught.value.diagnostics
    assert found.code == "E002"
    assert "markdown 15" in str(found.note)
    assert "--from" in str(found.help)


def test_bold_labels_are_markdown() -> None:
    """`**TLDR:**` is not the plain-text layout."""
    best = formats.detect(b"# T\n\n## A\n\n**TLDR:** a\n\n**Summary:** b\n", "91")[0]

    assert best.format == "markdown"


def test_an_unknown_format_is_the_callers_mistake() -> None:
    """The message lists what there is."""
    with pytest.raises(UnknownPluginError, match="labelled, markdown, sectioned"):
        formats.read(b"x", "91.txt", format="word")
