"""The table of codes is the documentation, so it is complete and says nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pipeline.formats
from pipeline import formats
from pipeline.formats.codes import CODES

SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for path in Path(pipeline.formats.__file__).parent.rglob("*.py")
    if path.name != "codes.py"
)


def test_every_code_is_used_and_every_used_code_is_explained() -> None:
    """A code that no reader gives would be a promise; one without a sentence a riddle."""
    assert set(re.findall(r'"([EWI]\d{3})"', SOURCES)) == set(CODES)


@pytest.mark.parametrize(("code", "sentence"), CODES.items())
def test_a_code_has_one_sentence(code: str, sentence: str) -> None:
    """The documentation prints it as it is."""
    assert re.fullmatch(r"[EWI]\d{3}", code)
    assert sentence.endswith(".")


def read(body: str, front: str = "title: T") -> formats.Reading:
    """Read Markdown."""
    return formats.read(f"---\n{front}\n---\n{body}".encode(), "a.md", format="markdown")


def lines(found: formats.Reading, code: str) -> list[int | None]:
    """Return the lines on which a code was given."""
    return [one.line for one in found.diagnostics if one.code == code]


def test_counts_are_compared_with_what_is_declared() -> None:
    """The warning stands at the key that declares, and marks its value."""
    found = read("## S\n\n- a\n- b c d\n", "title: T\nstory_count: 3\nreading_time: 30")
    counts, minutes = (
        next(one for one in found.diagnostics if one.code == code) for code in ("W201", "W202")
    )

    assert (counts.line, counts.column, counts.end_column) == (3, 14, 15)
    assert counts.note == "S 2; the longest story has 3 words (line 9)"
    assert (minutes.line, minutes.source) == (4, "reading_time: 30")


def test_repetitions_are_pointed_out() -> None:
    """Twice the same title or source is a copy nobody noticed."""
    found = read("## A\n\n[x](u)\n\n## A\n\n## [B](v)\n\n## [C](v)\n", "title: T\nstructure: flat")

    assert lines(found, "W209") == [9, 13]


def test_sponsors_need_a_link_and_stories_a_source() -> None:
    """The sponsor paid for it; the reader may want to check."""
    found = read(
        "### Sponsor: A\n\na\n\n### Sponsor: B\n\n**[b](u)**\n\n### C\n\nd [e](f)\n\n### G\n"
    )

    assert lines(found, "W310") == [4]
    assert lines(found, "I205") == [16]


def test_placeholders_are_found() -> None:
    """In capitals only: todo is a word in Spanish."""
    found = read("todo está bien\nTODO: check\nlorem ipsum\n")

    assert lines(found, "I108") == [5, 6]


def test_equal_warnings_end_after_twenty() -> None:
    """More of the same helps nobody."""
    assert len(lines(read("TODO\n" * 50), "I108")) == 20
