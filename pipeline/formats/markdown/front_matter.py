"""Splits YAML front matter off a text, with line and column of every key and value.

Values stay text: what `no`, `010` or `2026-02-30` mean is up to the field they stand in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import yaml
from msgspec import Struct

from pipeline.formats.claims import Claims
from pipeline.formats.diagnosis import Diagnosis
from pipeline.formats.source import UNWANTED, SourceText, unprintable

LONGEST: Final = 65_536  # characters
DEEPEST: Final = 20  # levels

_KEY = re.compile(r"[A-Za-z_][\w-]*\s*:(?:\s|$)")
_UNQUOTED = re.compile(r"(\s*[\w-]+:\s+)(\S.*)")
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


class Entry(Struct, frozen=True, kw_only=True):
    """One key of the front matter."""

    key: str
    line: int  # in the file, 1-based
    last_line: int
    column: int  # where the value begins, 1-based
    text: str | None  # the value of a scalar, None if there is none
    items: tuple[str, ...] | None  # the values of a list of scalars
    raw: str  # the value as YAML, to be written back as it is
    comment: str  # a comment directly behind the colon, its number sign included


class FrontMatter(Struct, frozen=True):
    """The entries of the front matter and the line, 1-based, on which the body starts."""

    entries: tuple[Entry, ...]
    body_line: int


def split_front_matter(source: SourceText, claims: Claims, diagnosis: Diagnosis) -> FrontMatter:
    """Read the front matter, if the text begins with one.

    Raises:
        IssueError: E101 or E104.
    """
    lines = source.lines
    if lines[0].rstrip() == "+++":
        raise diagnosis.fatal(
            "E101",
            "front matter in TOML is not read",
            line=1,
            remedy="write it as YAML between two lines of ---",
        )
    if lines[0].rstrip() != "---":
        return FrontMatter((), 1)
    end = next((n for n, line in enumerate(lines[1:], 2) if line.rstrip() in {"---", "..."}), None)
    if end is None:
        if len(lines) > 1 and _KEY.match(lines[1]):
            raise diagnosis.fatal(
                "E101",
                "the front matter is not closed",
                line=1,
                remedy="write --- on the line after its last key",
            )
        return FrontMatter((), 1)
    between = lines[1 : end - 1]
    if any(line.strip() for line in between) and not any(":" in line for line in between):
        return FrontMatter((), 1)  # two dividers with text between them
    claims.claim("/front_matter/open", 1)
    claims.claim("/front_matter/close", end)
    entries = tuple(_entries("\n".join(between) + "\n", diagnosis))
    _claim_comments(between, entries, claims)
    return FrontMatter(entries, end + 1)


def _claim_comments(between: tuple[str, ...], entries: tuple[Entry, ...], claims: Claims) -> None:
    inside = {n for entry in entries for n in range(entry.line, entry.last_line + 1)}
    for number, line in enumerate(between, 2):
        if number not in inside and line.lstrip().startswith("#"):
            claims.comment(number, number)


def _entries(text: str, diagnosis: Diagnosis) -> Iterator[Entry]:
    node = _compose(text, diagnosis)
    if node is None:
        return
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        raise diagnosis.fatal(
            "E101",
            "the front matter is not a mapping",
            line=node.start_mark.line + 2,
            remedy="write one key a line, such as title: ...",
        )
    seen: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 2
        if not isinstance(key, yaml.ScalarNode):
            raise diagnosis.fatal("E101", "a key is not a word", line=line)
        if key.value in seen:
            diagnosis.add(
                "E104",
                f"the key {key.value!r} stands twice",
                line=line,
                column=key.start_mark.column + 1,
                note=f"the first is on line {seen[key.value]}",
                remedy="delete one of them",
            )
        seen.setdefault(key.value, line)
        yield _entry(text, key, value)


def _entry(text: str, key: yaml.ScalarNode, value: yaml.Node) -> Entry:
    lines = text.split("\n")
    first, last = key.start_mark.line, _last_line(lines, key, value)
    scalar = value if isinstance(value, yaml.ScalarNode) else None
    empty = scalar is not None and not scalar.style and scalar.value in _NULLS
    behind = lines[first][key.end_mark.column :].partition(":")[2]
    items = None
    if isinstance(value, yaml.SequenceNode) and all(
        isinstance(item, yaml.ScalarNode) for item in value.value
    ):
        items = tuple(_whole_characters(item.value) for item in value.value)
    inline = last == first
    return Entry(
        key=key.value,
        line=first + 2,
        last_line=last + 2,
        column=(
            value.start_mark.column if value.start_mark.line == first else key.start_mark.column
        )
        + 1,
        text=_whole_characters(scalar.value) if scalar and not empty else None,
        items=items,
        raw=text[value.start_mark.index : value.end_mark.index]
        if inline
        else _block(behind, lines[first + 1 : last + 1], key.start_mark.column),
        comment=behind.strip() if empty and behind.lstrip().startswith("#") else "",
    )


def _last_line(lines: list[str], key: yaml.ScalarNode, value: yaml.Node) -> int:
    """Return the last line of a value; YAML lets a block run on over blanks and comments."""
    first = key.start_mark.line
    last = value.end_mark.line - (0 if value.end_mark.column else 1)
    is_text = isinstance(value, yaml.ScalarNode)
    while last > first and (
        not lines[last].strip() or (not is_text and lines[last].lstrip().startswith("#"))
    ):
        last -= 1
    return max(first, last)


def _block(behind: str, lines: list[str], indent: int) -> str:
    """Return a value of several lines as it would stand behind an unindented key."""
    blank = " " * indent
    return "\n".join([behind.strip(), *(line.removeprefix(blank).rstrip() for line in lines)])


def _compose(text: str, diagnosis: Diagnosis) -> yaml.Node | None:
    if len(text) > LONGEST:
        raise diagnosis.fatal("E101", "the front matter is too long", line=1)
    try:
        _refuse_tricks(text, diagnosis)
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = min((0 if mark is None else mark.line) + 2, len(diagnosis.lines))
        raise diagnosis.fatal(
            "E101",
            f"the front matter is not YAML: {error.problem}",
            line=line,
            column=mark.column + 1 if mark else None,
            remedy=_quoting(diagnosis.lines[line - 1]),
        ) from error
    except yaml.reader.ReaderError as error:
        raise diagnosis.fatal(
            "E101",
            f"the front matter has a character YAML forbids: U+{ord(text[error.position]):04X}",
            line=text.count("\n", 0, error.position) + 2,
            remedy="remove it",
        ) from error
    except ValueError as error:
        raise diagnosis.fatal(
            "E101", f"the front matter is not YAML: {error}", line=2, remedy="quote the values"
        ) from error


def _refuse_tricks(text: str, diagnosis: Diagnosis) -> None:
    """Refuse what no author writes: aliases that multiply, tags that build objects, deep nests."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 2 if event.start_mark else 2
        if isinstance(event, yaml.ScalarEvent) and (
            found := UNWANTED.search(_whole_characters(event.value))
        ):
            raise unprintable(found.group(), diagnosis, line=line)
        if isinstance(event, yaml.AliasEvent):
            raise diagnosis.fatal(
                "E101",
                "an alias (*) is not read",
                line=line,
                remedy="write the value out, or quote it",
            )
        if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None):
            raise diagnosis.fatal(
                "E101",
                "a YAML tag (!) is not read",
                line=line,
                remedy="remove it, or quote the value",
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise diagnosis.fatal("E101", "the front matter is nested too deeply", line=line)


def _whole_characters(text: str) -> str:
    r"""Join the halves of characters that JSON escapes as two, such as \ud83c\udf75."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _quoting(line: str) -> str:
    """Return what to do about a line that YAML does not take."""
    if "\t" in line:
        return "use blanks instead of tabs"
    found = _UNQUOTED.fullmatch(line)
    if found and not found[2].startswith(('"', "'")):
        value = found[2].replace("\\", "\\\\").replace('"', '\\"').rstrip()
        return f'put the value in quotation marks: {found[1].strip()} "{value}"'
    return "put values that have a colon, or begin with # @ [ * ` % { ! & |, in quotation marks"
