"""Laws of reading whatever is there: cut, joined and spaced files give an issue or a diagnostic."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import formats
from pipeline.diagnostic import Severity
from pipeline.errors import IssueError
from pipeline.formats.markdown_writer import write_markdown
from pipeline.model.issue import Issue, Provenance

DATA = Path(__file__).parents[1] / "data" / "formats"
SEEDS = Path(__file__).parents[2].parent / "shared" / "seeds"
SAMPLES = sorted(path for path in DATA.iterdir() if path.suffix in {".txt", ".md"})
PLAIN = [path for path in SAMPLES if path.suffix == ".txt"]
PUBLISHED = sorted(SEEDS.glob("*.txt"))
FILES = [*SAMPLES, *PUBLISHED]
NAMES = st.sampled_from(["issue.txt", "issue.md", "91"])
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)


def attempt(data: bytes, file: str, format_name: str | None = None) -> Issue | None:
    """Read as a door would; an error has to say where, and nothing else may be raised."""
    try:
        reading = formats.read(data, file, format=format_name)
    except IssueError as error:
        refused = error.diagnostics
    else:
        assert all(found.severity is not Severity.ERROR for found in reading.diagnostics)
        return reading.issue
    assert all(found.file == file and found.severity is Severity.ERROR for found in refused)
    return None


def provenance(issue: Issue) -> Provenance:
    """Return the provenance every reader has to give."""
    assert issue.provenance
    return issue.provenance


def assert_every_line_is_claimed_once(data: bytes, account: Provenance) -> None:
    """Check the account of a reader against the lines of the file."""
    claimed = [line for _, span in account.spans for line in range(span.line, span.end_line + 1)]
    claimed += [*account.nav, *account.unassigned]
    lines = data.decode("utf-8-sig").splitlines()
    filled = {number for number, line in enumerate(lines, 1) if line.strip()}
    twice = {line for line in claimed if claimed.count(line) > 1}
    assert filled <= set(claimed)
    assert not twice & filled
    assert len({pointer for pointer, _ in account.spans}) == len(account.spans)


@pytest.mark.parametrize("path", PLAIN, ids=lambda path: path.name)
def test_a_text_cut_at_any_byte_is_read_or_refused(path: Path) -> None:
    """A download that broke off gives an issue or a diagnostic, never a traceback."""
    data = path.read_bytes()

    outcomes = [attempt(data[:end], path.name) for end in range(len(data))]

    assert outcomes[0] is None
    assert any(outcomes)


@each_file
def test_a_file_cut_at_many_bytes_is_read_or_refused(path: Path) -> None:
    """The same for published issues, and for Markdown, a byte here and there."""
    data = path.read_bytes()

    for end in range(0, len(data), 31):
        attempt(data[:end], path.name)


# Half a minute for bytes that differ little from their neighbours, so not in every run.
@pytest.mark.integration
@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.name)
def test_a_published_issue_cut_at_any_byte_is_read_or_refused(path: Path) -> None:
    """The same at every single byte of a published issue."""
    data = path.read_bytes()

    for end in range(len(data)):
        attempt(data[:end], path.name)


@each_file
def test_a_file_without_any_one_of_its_lines_is_read_or_refused(path: Path) -> None:
    """No line is so important that its loss breaks the reader, or leaves a line unclaimed."""
    lines = path.read_bytes().splitlines(keepends=True)

    for index in range(len(lines)):
        data = b"".join(lines[:index] + lines[index + 1 :])
        issue = attempt(data, path.name)
        if issue:
            assert_every_line_is_claimed_once(data, provenance(issue))


@each_file
def test_lines_in_any_order_are_read_or_refused(path: Path) -> None:
    """Neighbours that swapped places, and whole files shuffled, break nothing."""
    lines = path.read_bytes().split(b"\n")
    order = random.Random(91)

    for _ in range(25):
        order.shuffle(lines)
        data = b"\n".join(lines)
        issue = attempt(data, path.name)
        if issue:
            assert_every_line_is_claimed_once(data, provenance(issue))


@each_file
def test_every_line_is_claimed_exactly_once(path: Path) -> None:
    """Each line that is not blank became one part of the issue, and none was left over."""
    data = path.read_bytes()

    account = provenance(formats.read(data, path.name).issue)

    assert_every_line_is_claimed_once(data, account)
    assert account.unassigned == ()


@each_file
@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: text.rstrip("\n").encode(),
        lambda text: (text + "\n\n\n").encode(),
        lambda text: text.replace("\n\n", "\n\n\n\n").encode(),
    ],
    ids=["crlf", "cr", "bom", "utf-16", "no-final-newline", "final-blanks", "doubled-blanks"],
)
def test_what_nobody_sees_changes_nothing(path: Path, edit: Callable[[str], bytes]) -> None:
    """Line ends, marks, encodings and blank lines are not a part of what an issue says."""
    data = path.read_bytes()

    assert (
        formats.read(edit(data.decode()), path.name).issue == formats.read(data, path.name).issue
    )


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if "labelled" in path.name or "000" in path.name],
    ids=lambda path: path.name,
)
def test_the_labelled_layout_may_be_spaced(path: Path) -> None:
    """Blank lines between all lines are the same issue as none."""
    data = path.read_bytes()

    assert formats.read(data.replace(b"\n", b"\n\n"), "a.txt").issue == (
        formats.read(data, "a.txt").issue
    )


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=300).map(str.encode), NAMES)
def test_any_bytes_are_read_or_refused(data: bytes, file: str) -> None:
    """No input of any kind gives anything but an issue or diagnostics."""
    attempt(data, file)


PARTS = st.sampled_from(
    [
        "---",
        "title: a",
        "date: 2026-02-30",
        "tags: [a",
        "+++",
        "# A",
        "## B",
        "### C",
        "#### D",
        "##",
        "- x",
        "  - y",
        "1. z",
        "**TL;DR:** t",
        "**TL;DR:**",
        "**Key takeaways:**",
        "**Source:** [a](b)",
        "**Why it matters:** w",
        "**Odd:**",
        "> q",
        "```",
        "    code",
        "| a | b |",
        "| - | - |",
        "<!-- c -->",
        "<!-- c",
        "[a]: b",
        "[^1]: note",
        "text *a **b",
        "",
        "",
        "TLDR: t",
        "Summary:",
        "Key takeaways:",
        "Published on 3/4/2026",
        "Issue #9··4 min read·2 stories",
        "NEWS",
        "Plus: p",
        "Unsubscribe",
        "Source: s",
        "Editorial: e",
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(PARTS, min_size=1, max_size=25).map("\n".join),
    st.sampled_from(["labelled", "sectioned", "markdown"]),
)
def test_any_lines_are_claimed_once_by_any_format(text: str, name: str) -> None:
    """A reader that takes a text accounts for its lines, and the canonical form keeps it all."""
    issue = attempt(text.encode(), "issue", name)
    if issue:
        assert_every_line_is_claimed_once(text.encode(), provenance(issue))
        assert formats.read(write_markdown(issue).encode(), "issue.md").issue == issue


@pytest.mark.parametrize(
    "unit",
    ["[", "![", "![](", "[a](", "*a ", "_a__", "~~a ", "`a", "<a ", "<!--", "> ", "- ", "&"],
)
def test_pathological_markdown_is_read_or_refused_in_time(unit: str) -> None:
    """Twenty thousand openings of anything need seconds at most, and overflow no stack."""
    attempt(f"# T\n\n{unit * (20_000 // len(unit))}".encode(), "issue.md", "markdown")
    attempt(f"# T\n\n{unit * 40}x".encode(), "issue.md", "markdown")
