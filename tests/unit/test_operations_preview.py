"""Looking at an issue: the bytes of a build, for any reader, and nothing written."""

from __future__ import annotations

from email import message_from_bytes, policy
from hashlib import sha256
from pathlib import Path

import pytest

from pipeline.errors import IssueError, OutboxError
from pipeline.model.entry import EntryId
from pipeline.model.sample_reader import SAMPLE_READERS, SampleReader
from pipeline.operations.preview import lines_around, source_text
from pipeline.outbox.headers import MessageError
from tests.unit.studio_desk import issue, opened, workspace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a workspace with one issue."""
    return workspace(tmp_path)


def on_disk(root: Path) -> dict[str, str]:
    """Return every file with its digest."""
    return {
        str(file.relative_to(root)): sha256(file.read_bytes()).hexdigest()
        for file in root.rglob("*")
        if file.is_file()
    }


def test_a_look_is_what_a_build_freezes(root: Path) -> None:
    """The message of a file and that of its entry are the same bytes, for every sample reader."""
    file = root / "issues/first.md"
    before = opened(root).preview().file(file)
    opened(root).build()([file])
    preview = opened(root).preview()
    entry = preview.entry(EntryId("first"))

    assert before.digest == entry.digest
    for who in SAMPLE_READERS:
        assert preview.message(before, who) == preview.message(entry, who)


def test_looking_writes_nothing(root: Path) -> None:
    """Neither a look nor a message nor a judgement leaves anything on the disk."""
    before = on_disk(root)
    preview = opened(root).preview()
    look = preview.judged(preview.file(root / "issues/first.md"))
    preview.message(look, SAMPLE_READERS[0])

    assert on_disk(root) == before


def test_preflight_judges_afterwards(root: Path) -> None:
    """A look has no findings until it is judged, and is judged once."""
    file = root / "issues/first.md"
    file.write_text(issue(story="Read it [here](notaurl) now."))
    preview = opened(root).preview()
    look = preview.file(file)
    judged = preview.judged(look)

    assert look.found == ()
    assert any(each.line for each in judged.found)
    assert judged.digest == look.digest
    assert preview.judged(judged) is judged


def test_a_look_knows_whether_the_entry_differs(root: Path) -> None:
    """Nothing frozen, the same, another: None, False, True."""
    file = root / "issues/first.md"
    assert opened(root).preview().file(file).differs is None
    opened(root).build()([file])
    assert opened(root).preview().file(file).differs is False
    file.write_text(issue(story="It came at noon."))
    assert opened(root).preview().file(file).differs is True


def test_a_message_is_for_its_reader(root: Path) -> None:
    """The reader is in To, and in what the message says; nobody else is."""
    preview = opened(root).preview()
    look = preview.file(root / "issues/first.md")
    who = SampleReader(key="own", about="typed", address="bo@example.net", name="Bo Reed")

    message = message_from_bytes(preview.message(look, who), policy=policy.default)

    assert message["To"] == "Bo Reed <bo@example.net>"
    assert preview.message(look, who) == preview.message(look, who)


def test_an_address_that_is_none_is_refused(root: Path) -> None:
    """A header cannot be smuggled in with an address."""
    preview = opened(root).preview()
    look = preview.file(root / "issues/first.md")
    for address in ("not an address", "a@example.org\r\nBcc: b@example.org"):
        with pytest.raises(MessageError):
            preview.message(look, SampleReader(key="own", about="typed", address=address))


def test_what_cannot_be_looked_at_says_why(root: Path) -> None:
    """A broken file and an entry that is not there are mistakes with a name."""
    file = root / "issues/first.md"
    file.write_text(issue(date="2026-99-99"))
    with pytest.raises(IssueError, match="2026-99-99"):
        opened(root).preview().file(file)
    with pytest.raises(OutboxError, match="nothing"):
        opened(root).preview().entry(EntryId("nothing"))


def test_a_source_that_is_not_utf8_can_be_shown(tmp_path: Path) -> None:
    """What cannot be read is replaced, and the mark at the beginning is not shown."""
    file = tmp_path / "a.md"
    file.write_bytes(b"\xef\xbb\xbfCaf\xe9\n")

    assert source_text(file) == "Caf\ufffd\n"


@pytest.mark.parametrize(
    ("line", "shown"),
    [(1, [1, 2, 3]), (3, [1, 2, 3, 4, 5]), (6, [4, 5, 6]), (8, [6]), (99, [])],
)
def test_lines_around_a_line_are_those_there_are(line: int, shown: list[int]) -> None:
    """Two before and two after, never one that does not exist."""
    found = lines_around(list("abcdef"), line)

    assert [number for number, _ in found] == shown
    assert all(text == "abcdef"[number - 1] for number, text in found)
