"""Bytes become text, or a diagnostic that says where they are none."""

from __future__ import annotations

import pytest

from pipeline.diagnostic import Diagnostic
from pipeline.errors import IssueError
from pipeline.formats.source import LARGEST, decode
from pipeline.model.rendered import MergeSlot


def refusal(data: bytes) -> Diagnostic:
    """Return the first diagnostic for bytes that must be refused."""
    with pytest.raises(IssueError) as caught:
        decode(data, "91.txt")
    return caught.value.diagnostics[0]


@pytest.mark.parametrize(
    "data",
    [
        "Größe\nzwei".encode(),
        "\ufeffGröße\r\nzwei\r\n".encode(),
        "Größe\rzwei".encode("utf-16"),
        "Größe\x85zwei\n".encode(),
    ],
)
def test_encodings_and_line_ends_are_one_text(data: bytes) -> None:
    """Marks and line ends differ between editors and mean nothing."""
    source = decode(data, "91.txt")

    assert source.lines == ("Größe", "zwei")
    assert source.words == 2
    assert source.notes == ()


def test_windows_1252_is_read_with_a_warning() -> None:
    """Text that cannot be UTF-8 is taken for the encoding it most often is."""
    source = decode("Ein „Wort“ – größer".encode("cp1252"), "91.txt")

    assert source.text == "Ein „Wort“ – größer"
    assert [note.code for note in source.notes] == ["W008"]


def test_one_bad_byte_in_utf_8_does_not_turn_all_of_it_into_something_else() -> None:
    """A file with good UTF-8 in it is UTF-8, and the bad byte is shown."""
    found = refusal("Größe\nein ".encode() + b"\xff" + b" zwei")

    assert (found.code, found.line, found.column) == ("E001", 2, 5)
    assert found.source == "ein \ufffd zwei"


@pytest.mark.parametrize("lost", [1, 2])
def test_a_character_cut_in_two_is_named(lost: int) -> None:
    """A download that broke off inside a character is not guessed at."""
    found = refusal("eins\nzwei —".encode()[:-lost])

    assert (found.code, found.line, found.column) == ("E001", 2, 6)
    assert "cut off" in str(found.help)


@pytest.mark.parametrize(
    ("data", "code", "line", "column"),
    [
        (b"a\nb\0c", "E005", 2, 2),
        (b"\x1b[1mbold", "E005", 1, 1),
        ("a\u0090".encode(), "E005", 1, 2),
        ("ab\u202edc".encode(), "E006", 1, 3),
        (f"a\n  {MergeSlot.UNSUBSCRIBE_URL}".encode(), "E010", 2, 3),
    ],
)
def test_what_no_text_has_is_refused_with_its_place(
    data: bytes, code: str, line: int, column: int
) -> None:
    """Control characters, overrides and our own markers are shown to the author."""
    found = refusal(data)

    assert (found.code, found.line, found.column) == (code, line, column)
    assert found.help


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "E003"), (b"\xef\xbb\xbf \n\t\n", "E003"), (b"a" * (LARGEST + 1), "E004")],
)
def test_nothing_and_too_much_are_refused(data: bytes, code: str) -> None:
    """An empty file and one of more than a mebibyte are no issues."""
    assert refusal(data).code == code


def test_odd_utf_16_is_refused() -> None:
    """A byte order mark that lies is said to lie."""
    assert refusal(b"\xff\xfea").code == "E001"


def test_separators_and_stray_marks_are_taken_out() -> None:
    """Characters that end a line for some parsers only are blanks for all of ours."""
    source = decode("a\u2028b\ufeffc\f".encode(), "91.txt")

    assert source.text == "a bc "
    assert [note.code for note in source.notes] == ["W009"]


def test_right_to_left_marks_stay() -> None:
    """Isolates and marks are a part of Arabic and Hebrew text."""
    text = "\u2067שלום\u2069 \u200f"

    assert decode(text.encode(), "91.txt").text == text
