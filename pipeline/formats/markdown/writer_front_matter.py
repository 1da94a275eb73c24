"""Writes the front matter of an issue in its canonical order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from pipeline.model.issue import Issue

# Plain words and numbers that no YAML reader takes for something else.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*|0|[1-9][0-9]{0,8}")
_WORDS_OF_YAML: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_URL = re.compile(r"https?://[A-Za-z0-9./_~%?=&+-]+")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
# What a JSON string may hold as it is, and YAML may not.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def write_front_matter(issue: Issue, structure: str | None) -> str:
    """Return the front matter, its two fences included."""
    lines = [f"{key}: {value}" for key, value in _fields(issue, structure)]
    lines.extend(_extra(name, raw) for name, raw in issue.extra)
    return "\n".join(["---", *lines, "---"])


def _fields(issue: Issue, structure: str | None) -> Iterator[tuple[str, str]]:
    """Yield keys and values in YAML; titles are always quoted, the rest where it must be."""
    yield "title", _quoted(issue.title)
    if issue.subtitle:
        yield "subtitle", _quoted(issue.subtitle)
    for key, value in (
        ("number", issue.number),
        ("date", issue.date and issue.date.isoformat()),
        ("lang", issue.language),
        ("authors", issue.authors),
        ("tags", issue.tags),
        ("slug", issue.slug),
        ("image", issue.image),
        ("send_at", issue.send_at and issue.send_at.isoformat()),
        ("canonical_url", issue.canonical_url),
        ("template", issue.template),
        ("status", issue.status),
        ("allow", issue.allow),
        ("story_count", issue.declared.stories),
        ("reading_time", issue.declared.minutes),
        ("structure", structure),
    ):
        if isinstance(value, tuple):
            if value:
                yield key, f"[{', '.join(map(_scalar, value))}]"
        elif value is not None:
            bare = key in {"date", "send_at"} or isinstance(value, int)
            yield key, str(value) if bare else _scalar(str(value))


def _extra(name: str, raw: str) -> str:
    key = name if _KEY.fullmatch(name) else _quoted(name)
    return f"{key}:{raw}" if raw.startswith("\n") or not raw else f"{key}: {raw}"


def _scalar(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML
    return text if plain or _URL.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    """Return a double-quoted scalar: a JSON string is one, but for a few characters."""
    return _UNPRINTABLE.sub(
        lambda found: f"\\u{ord(found.group()):04x}", json.dumps(text, ensure_ascii=False)
    )
