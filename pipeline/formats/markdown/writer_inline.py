"""Writes inline content so that it reads back as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace

from pipeline.model.content import (
    Code,
    Content,
    Emphasis,
    Image,
    LineBreak,
    Link,
    Strikethrough,
    Strong,
)

_ESCAPED: Final = r"\\\g<0>"
_ACTIVE = re.compile(r"[\\`*_\[\]<~|]|&(?=#?\w+;)")
_ACTIVE_IN_CELL = re.compile(r"[\\`*_\[\]<~]|&(?=#?\w+;)")
_ACTIVE_IN_URL = re.compile(r"[\\<>]|&(?=#?\w+;)")
_BARE_URL = re.compile(
    r"[A-Za-z0-9/][A-Za-z0-9:/?#@!$*+,;=._~%-]*(?:&(?!#?\w+;)[A-Za-z0-9:/?#@!$*+,;=._~%-]*)*"
)
_LINE_START = re.compile(r"#{1,6}(?=\s|$)|>|[-+](?=\s|$)|=+\s*$|[-:](?=[-:|\\ \t]*$)")
_NUMBERED = re.compile(r"(\d{1,9})([.)])(?=\s|$)")
_BACKTICKS = re.compile(r"`+")


@dataclass(slots=True)
class _Piece:
    """A stretch of output; delimiters wait for their neighbours before they are spelled."""

    role: Literal["text", "raw", "open", "close", "break"]
    text: str
    partner: _Piece | None = None


def write_content(content: Content, *, cell: bool = False, escape_start: bool = True) -> str:
    """Return Markdown for content in normal form.

    Args:
        content: what to write.
        cell: it stands in a table, where a line break is a blank and `|` is the caller's.
        escape_start: it stands at the start of a line, where `#` or `1.` would open a block; the
            lines after its breaks always do.
    """
    pieces = list(_pieces(content, _ACTIVE_IN_CELL if cell else _ACTIVE, cell=cell))
    _choose_marks(pieces)
    _encode_neighbours(pieces)
    _escape_line_starts(pieces, at_start=escape_start)
    return "".join(piece.text for piece in pieces)


def _escape_line_start(text: str) -> str:
    """Return the escaped text of a line with what would open a block at its start escaped."""
    text = _NUMBERED.sub(r"\1\\\2", text, count=1) if _NUMBERED.match(text) else text
    return f"\\{text}" if _LINE_START.match(text) else text


def _pieces(content: Content, active: re.Pattern[str], *, cell: bool) -> Iterator[_Piece]:
    for index, node in enumerate(content):
        match node:
            case str():
                text = active.sub(_ESCAPED, node)
                # An exclamation mark before a link would make it a picture.
                following = content[index + 1] if index + 1 < len(content) else None
                if text.endswith("!") and isinstance(following, Link):
                    text = text[:-1] + r"\!"
                yield _Piece("text", text)
            case Emphasis(children):
                yield from _marked("*", children, active, cell=cell)
            case Strong(children):
                yield from _marked("**", children, active, cell=cell)
            case Strikethrough(children):
                yield from _marked("~~", children, active, cell=cell)
            case Code(text):
                yield _Piece("raw", _code(text))
            case Link(url, children):
                yield _Piece("raw", "[")
                yield from _pieces(children, active, cell=cell)
                yield _Piece("raw", f"]({_url(url)})")
            case Image(url, alt, title):
                quoted = f' "{_title(title)}"' if title else ""
                yield _Piece("raw", f"![{active.sub(_ESCAPED, alt)}]({_url(url)}{quoted})")
            case LineBreak():
                yield _Piece("text", " ") if cell else _Piece("break", "\\\n")


def _marked(
    mark: str, children: Content, active: re.Pattern[str], *, cell: bool
) -> Iterator[_Piece]:
    opening, closing = _Piece("open", mark), _Piece("close", mark)
    opening.partner = closing
    yield opening
    yield from _pieces(children, active, cell=cell)
    yield closing


def _choose_marks(pieces: list[_Piece]) -> None:
    """Spell emphasis with underscores where its asterisks would touch others."""
    places = {id(piece): index for index, piece in enumerate(pieces)}
    for index, piece in enumerate(pieces):
        if piece.role != "open" or piece.text != "*" or piece.partner is None:
            continue
        end = places[id(piece.partner)]
        touching = [i for i in (index - 1, index + 1, end - 1, end + 1) if 0 <= i < len(pieces)]
        if any(pieces[i].role in {"open", "close"} and "*" in pieces[i].text for i in touching):
            piece.text = piece.partner.text = "_"


def _encode_neighbours(pieces: list[_Piece]) -> None:
    """Write letters beside marks as character references where the marks would not work.

    A mark opens if what follows is a letter, or what precedes is none (CommonMark 6.2); an
    underscore never works between letters. Closing is the mirror image. A reference begins with
    punctuation, which may matter to the next mark: hence again, until nothing changes.
    """
    changed = True
    while changed:
        changed = False
        for index in range(len(pieces)):
            changed |= _encode_neighbour(pieces, index)


def _encode_neighbour(pieces: list[_Piece], index: int) -> bool:
    """Encode the letter outside of one mark if it has to be; say whether it had."""
    mark = pieces[index]
    last, first = _last(pieces, index - 1), _first(pieces, index + 1)
    if mark.role == "open" and _needs_encoding(mark.text, outside=last, inside=first):
        before = pieces[index - 1]
        before.text = f"{before.text[:-1]}&#{ord(last)};"
        return True
    if mark.role == "close" and _needs_encoding(mark.text, outside=first, inside=last):
        after = pieces[index + 1]
        after.text = f"&#{ord(first)};{after.text[1:]}"
        return True
    return False


def _needs_encoding(mark: str, *, outside: str, inside: str) -> bool:
    return _is_letter(outside) and (mark == "_" or not _is_letter(inside))


def _last(pieces: list[_Piece], index: int) -> str:
    return pieces[index].text[-1:] if index >= 0 else ""


def _first(pieces: list[_Piece], index: int) -> str:
    return pieces[index].text[:1] if index < len(pieces) else ""


def _is_letter(character: str) -> bool:
    """Say whether a character is neither white space nor punctuation, as the parser sees it."""
    if not character:
        return False
    code = ord(character)
    return not (isWhiteSpace(code) or isMdAsciiPunct(code) or isPunctChar(character))


def _escape_line_starts(pieces: list[_Piece], *, at_start: bool) -> None:
    for index, piece in enumerate(pieces):
        if at_start and piece.role == "text":
            # A marker is none if the line goes on right behind it: "-*a*" is no list.
            alone = index + 1 == len(pieces) or pieces[index + 1].role == "break"
            escaped = _escape_line_start(piece.text if alone else f"{piece.text}x")
            piece.text = escaped if alone else escaped[:-1]
        at_start = piece.role == "break"


def _code(text: str) -> str:
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    runs = {len(run) for run in _BACKTICKS.findall(text)}
    fence = "`" * next(n for n in range(1, longest + 2) if n not in runs)
    padded = text.startswith("`") or text.endswith("`")
    padded = padded or (text.startswith(" ") and text.endswith(" ") and bool(text.strip(" ")))
    return f"{fence} {text} {fence}" if padded else f"{fence}{text}{fence}"


def _url(url: str) -> str:
    if _BARE_URL.fullmatch(url):
        return url
    return "<" + _ACTIVE_IN_URL.sub(_ESCAPED, url).replace("\n", "&#10;") + ">"


def _title(title: str) -> str:
    return re.sub(r'[\\"]|&(?=#?\w+;)', _ESCAPED, title).replace("\n", "&#10;")
