"""Gives the keys of the front matter to the fields of an issue, each by its own type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final, Literal

from pipeline.formats.claims import Claims
from pipeline.formats.dates import resolve_date
from pipeline.formats.diagnosis import Diagnosis
from pipeline.formats.markdown.front_matter import Entry
from pipeline.formats.port import DateOrder

Structure = Literal["flat", "sections"]  # what a second-level heading opens: a story, a section

# The first name of a field is the one we write; the others come from other publishing tools.
NAMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "title": ("title", "subject"),
        "subtitle": ("subtitle", "preheader", "description", "excerpt", "summary"),
        "number": ("number", "issue", "edition", "secondary_id"),
        "date": ("date", "publish_date", "publishedAt", "pubDatetime"),
        "language": ("lang", "language"),
        "authors": ("authors", "author"),
        "tags": ("tags", "categories", "topics", "hashtags"),
        "slug": ("slug",),
        "image": ("image", "cover"),
        "send_at": ("send_at",),
        "canonical_url": ("canonical_url", "canonical"),
        "template": ("template", "theme"),
        "status": ("status",),
        "allow": ("allow",),
        "draft": ("draft",),
        "published": ("published",),
        "declared/stories": ("story_count",),
        "declared/minutes": ("reading_time",),
        "front_matter/structure": ("structure",),
    }
)
FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {name: field_name for field_name, names in NAMES.items() for name in names}
)

_MINUTES = re.compile(r"(\d{1,4})(?:\s*min.*)?", re.IGNORECASE)
_COUNT = re.compile(r"\d{1,4}")
_TRUE: Final = frozenset({"true", "yes", "on"})
_FALSE: Final = frozenset({"false", "no", "off"})


@dataclass(slots=True)
class Fields:
    """What the front matter says of an issue."""

    title: str | None = None
    subtitle: str | None = None
    number: str | None = None
    date: date | None = None
    language: str | None = None
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    slug: str | None = None
    image: str | None = None
    send_at: datetime | None = None
    canonical_url: str | None = None
    template: str | None = None
    status: str | None = None
    allow: tuple[str, ...] = ()
    stories: int | None = None
    minutes: int | None = None
    structure: Structure | None = None
    extra: list[tuple[str, str]] = field(default_factory=list)


def read_fields(
    entries: tuple[Entry, ...], order: DateOrder | None, claims: Claims, diagnosis: Diagnosis
) -> Fields:
    """Return the fields; mistakes are taken down, so that all of them are shown at once."""
    fields = Fields()
    winners = _winners(entries)
    for entry in entries:
        name = FIELDS.get(entry.key)
        if name and winners[name] == entry.key:
            claims.claim(f"/{name}", entry.line, entry.last_line)
            _set(fields, name, entry, order, diagnosis)
        else:
            pointer = entry.key.replace("~", "~0").replace("/", "~1")
            claims.claim(f"/extra/{pointer}", entry.line, entry.last_line)
            fields.extra.append((entry.key, entry.raw))
            _warn_unknown(entry, name and winners[name], diagnosis)
    return fields


def _winners(entries: tuple[Entry, ...]) -> dict[str, str]:
    """Return for each field the key that gives it, when several names of it are there."""
    present = {entry.key for entry in entries}
    return {
        name: next((key for key in names if key in present), "") for name, names in NAMES.items()
    }


def _warn_unknown(entry: Entry, winner: str | None, diagnosis: Diagnosis) -> None:
    if winner:
        note, remedy = f"{winner!r} already says it", None
    else:
        close = get_close_matches(entry.key, FIELDS, n=1, cutoff=0.75)
        note = "it is kept, and not used"
        remedy = f"did you mean {close[0]!r}?" if close else None
    diagnosis.add(
        "W107",
        f"unknown key {entry.key!r}",
        line=entry.line,
        at=entry.key,
        note=note,
        remedy=remedy,
    )


def _set(
    fields: Fields, name: str, entry: Entry, order: DateOrder | None, diagnosis: Diagnosis
) -> None:
    match name:
        case "authors" | "tags":
            setattr(fields, name, _many(entry, diagnosis))
            return
        case "allow":
            fields.allow = tuple(code.upper() for code in _many(entry, diagnosis))
            return
        case "title" | "subtitle" | "number":
            text = _text_or_comment(entry, diagnosis)
        case _:
            text = _text(entry, diagnosis)
    if text is None:
        return
    match name:
        case "date":
            fields.date = resolve_date(text, order, diagnosis, entry.line)
        case "send_at":
            fields.send_at = _moment(text, entry, diagnosis)
        case "declared/stories":
            fields.stories = _number(_COUNT, text, entry, diagnosis)
        case "declared/minutes":
            fields.minutes = _number(_MINUTES, text, entry, diagnosis)
        case "front_matter/structure":
            fields.structure = _structure(text, entry, diagnosis)
        case "draft" | "published":
            _set_status(fields, name, text, entry, diagnosis)
        case _:
            setattr(fields, name, text)


def _text(entry: Entry, diagnosis: Diagnosis) -> str | None:
    """Return the words of a scalar as they are written: `no` is "no", `010` is "010"."""
    if entry.items is not None or (entry.text is None and entry.last_line > entry.line):
        _refuse(entry, "is a list or a mapping, not one value", None, diagnosis)
        return None
    return (entry.text or "").strip() or None


def _text_or_comment(entry: Entry, diagnosis: Diagnosis) -> str | None:
    """Return the words of a scalar, also if YAML takes `#91 Big` for a comment."""
    if len(entry.comment) < 2 or entry.comment[1].isspace():
        return _text(entry, diagnosis)
    diagnosis.add(
        "W109",
        f"YAML takes the value of {entry.key!r} for a comment",
        line=entry.line,
        at=entry.comment,
        note="it is read as text here, but other tools will not see it",
        remedy=f'write {entry.key}: "{entry.comment}"',
    )
    return entry.comment


def _many(entry: Entry, diagnosis: Diagnosis) -> tuple[str, ...]:
    """Return the items of a list, of "a, b", or of "#a #b"."""
    if entry.items is not None:
        return tuple(item.strip() for item in entry.items if item.strip())
    text = _text_or_comment(entry, diagnosis) or ""
    parts = text.split() if text.startswith("#") else text.split(",")
    return tuple(part.strip().lstrip("#") for part in parts if part.strip().lstrip("#"))


def _number(pattern: re.Pattern[str], text: str, entry: Entry, diagnosis: Diagnosis) -> int | None:
    if found := pattern.fullmatch(text):
        return int(found[found.lastindex or 0])
    _refuse(entry, f"is not a number: {text!r}", "write figures only", diagnosis)
    return None


def _moment(text: str, entry: Entry, diagnosis: Diagnosis) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        _refuse(entry, f"is not a time: {text!r}", "write 2026-05-04T09:00+02:00", diagnosis)
        return None
    if moment.utcoffset() is None:
        remedy = f"add the difference to UTC, such as {text}+02:00"
        _refuse(entry, "has no time zone", remedy, diagnosis)
        return None
    return moment


def _structure(text: str, entry: Entry, diagnosis: Diagnosis) -> Structure | None:
    match text:
        case "flat" | "sections":
            return text
        case _:
            pass
    _refuse(entry, f"is {text!r}", "write flat or sections", diagnosis)
    return None


def _set_status(fields: Fields, name: str, text: str, entry: Entry, diagnosis: Diagnosis) -> None:
    """Translate the two booleans other tools have: `draft: true` and `published: false`."""
    word = text.lower()
    if word not in _TRUE | _FALSE:
        _refuse(entry, f"is neither true nor false: {text!r}", None, diagnosis)
    elif (name == "draft") == (word in _TRUE):
        fields.status = fields.status or "draft"


def _refuse(entry: Entry, problem: str, remedy: str | None, diagnosis: Diagnosis) -> None:
    diagnosis.add(
        "E103",
        f"{entry.key} {problem}",
        line=entry.line,
        column=entry.column,
        remedy=remedy,
    )
