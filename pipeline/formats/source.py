"""An author's bytes, decoded once: what every format reads from."""

from __future__ import annotations

import codecs
import re
from hashlib import sha256
from typing import Final

from msgspec import Struct

from pipeline.diagnostic import Diagnostic
from pipeline.errors import IssueError
from pipeline.formats.diagnosis import Diagnosis
from pipeline.model.rendered import MergeSlot

LARGEST: Final = 1024 * 1024  # bytes; the longest issue we know has 120 KB

# Right-to-left text needs the marks, embeddings and isolates, and they are left alone. The two
# overrides show letters in another order than they are stored, which only a deceiver needs.
UNWANTED: Final = re.compile(
    r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\u202d\u202e\ud800-\udfff]"
)
_OVERRIDES: Final = "\u202d\u202e"
# Line and paragraph separators end a line for some parsers and not for others; a byte order
# mark inside a text is what remains when files are joined, and hides a heading behind it.
_BREAKERS: Final = str.maketrans({"\u2028": " ", "\u2029": " ", "\ufeff": None})
_LINE_ENDS = re.compile(r"\r\n?|\x85")


class SourceText(Struct, frozen=True, kw_only=True):
    """A file as text: LF line ends, no byte order mark, no form feeds."""

    file: str  # as the user named it
    text: str
    lines: tuple[str, ...]  # without line ends; line n is lines[n - 1]
    sha256: str  # of the bytes, hex
    words: int  # whitespace-separated
    notes: tuple[Diagnostic, ...] = ()


def decode(data: bytes, file: str) -> SourceText:
    """Turn bytes into text, or say where they are none.

    Raises:
        IssueError: E001, E003 to E006 or E010, with line and column where there is one.
    """
    if len(data) > LARGEST:
        raise Diagnosis(file, ()).fatal(
            "E004",
            f"the file has {len(data):,} bytes; an issue has at most {LARGEST:,}",
            remedy="split the issue, and link pictures instead of pasting them in",
        )
    text, from_windows = _text(data, file)
    # A form feed is a page break in plain text: white space to us, an error to YAML.
    # Looking first is ten times faster than rewriting every text in vain.
    if "\r" in text or "\x85" in text:
        text = _LINE_ENDS.sub("\n", text)
    text = text.replace("\f", " ")
    broken = any(chr(code) in text for code in _BREAKERS)
    visible = text.translate(_BREAKERS) if broken else text
    lines = tuple(visible.removesuffix("\n").split("\n"))
    diagnosis = Diagnosis(file, lines)
    _refuse_unprintable(visible, diagnosis)
    if not visible or visible.isspace():
        raise diagnosis.fatal("E003", "the file is empty", remedy="write a title and a story")
    if from_windows:
        diagnosis.add(
            "W008",
            "not UTF-8; read as Windows-1252",
            note="accents and quotation marks may be wrong",
            remedy="save the file as UTF-8",
        )
    if broken:
        diagnosis.add("W009", "separators or byte order marks inside the text were taken out")
    return SourceText(
        file=file,
        text=visible,
        lines=lines,
        sha256=sha256(data).hexdigest(),
        words=len(visible.split()),
        notes=diagnosis.report(),
    )


def _text(data: bytes, file: str) -> tuple[str, bool]:
    """Return the text, and whether Windows-1252 had to be assumed."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return data.decode("utf-16"), False
        except UnicodeDecodeError as error:
            raise Diagnosis(file, ()).fatal(
                "E001",
                f"not UTF-16 from byte {error.start + 1} on",
                note="the byte order mark says UTF-16",
                remedy="save the file as UTF-8",
            ) from error
    try:
        return data.decode("utf-8-sig"), False
    except UnicodeDecodeError as error:
        return _from_windows(data.removeprefix(codecs.BOM_UTF8), file, error), True


def _from_windows(data: bytes, file: str, error: UnicodeDecodeError) -> str:
    """Return text in Windows-1252, unless it is UTF-8 with something broken in it."""
    cut = error.reason == "unexpected end of data"
    if not cut and data.decode("utf-8", "ignore").isascii():
        try:
            return data.decode("cp1252")
        except UnicodeDecodeError as undefined:
            error = undefined
    before = _LINE_ENDS.sub("\n", data[: error.start].decode("utf-8", "replace"))
    lines = _LINE_ENDS.sub("\n", data.decode("utf-8", "replace")).split("\n")
    line, column = _place(before, len(before))
    raise Diagnosis(file, lines).fatal(
        "E001",
        "the file ends in the middle of a character" if cut else "not a UTF-8 character",
        line=line,
        column=column,
        note=f"byte 0x{data[error.start]:02x} at offset {error.start}",
        remedy="fetch the file again: it was cut off" if cut else "save the file as UTF-8",
    ) from error


def unprintable(
    character: str, diagnosis: Diagnosis, *, line: int, column: int | None = None
) -> IssueError:
    """Return the error for a character of UNWANTED, to be raised."""
    name = f"U+{ord(character):04X}"
    if character in _OVERRIDES:
        return diagnosis.fatal(
            "E006",
            f"a bidirectional override ({name}) hides what is written",
            line=line,
            column=column,
            remedy="remove it; right-to-left text needs only marks and isolates",
        )
    return diagnosis.fatal(
        "E005",
        f"a control character ({name}) is no text",
        line=line,
        column=column,
        note="zero bytes mean a binary file, or UTF-16 without its mark"
        if character == "\0"
        else None,
        remedy="remove it, or save the file as UTF-8 text",
    )


def _refuse_unprintable(text: str, diagnosis: Diagnosis) -> None:
    if found := UNWANTED.search(text):
        line, column = _place(text, found.start())
        raise unprintable(found.group(), diagnosis, line=line, column=column)
    for slot in MergeSlot:
        if (position := text.find(slot.value)) >= 0:
            line, column = _place(text, position)
            raise diagnosis.fatal(
                "E010",
                f"the text contains {slot.value}, which stands for a value of each reader",
                line=line,
                column=column,
                at=slot.value,
                remedy="remove it",
            )


def _place(text: str, position: int) -> tuple[int, int]:
    """Return line and column of a position."""
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
