"""What the archive knows of an issue without reading it again."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from pipeline.model.entry import EntryId
from pipeline.model.issue import Issue
from pipeline.model.newsletter import Newsletter
from pipeline.model.reading import story_label
from pipeline.publish.characters import one_line

TAGS: Final = "tags"
SECTIONS: Final = "sections"
YEARS: Final = "years"

# What of an issue no page and no feed shows.
_UNSAID: Final = frozenset(
    {"provenance", "allow", "declared", "extra", "send_at", "slug", "status", "template"}
)
_MOST_LABELS: Final = 1_200  # characters of story names that the search of one issue holds
# An entry's name becomes a folder: nothing that could leave the site or hide in it.
_ENTRY: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,80}")


class Group(Struct, frozen=True, kw_only=True):
    """Issues that belong together: a tag, a section that comes again, a year."""

    key: str  # its folder on the site: "tags/tides"
    name: str  # as people read it


class Record(Struct, frozen=True, kw_only=True, dict=True):
    """An approved issue in brief: ten thousand of them are read for every run."""

    entry: EntryId
    tag: str  # the tag: URI of feeds
    words: str  # digest of what it says; another one is a correction
    published: datetime  # aware, in the newsletter's zone
    updated: datetime  # aware; moves only with a correction
    weight: int  # bytes it takes in a feed
    groups: tuple[str, ...] = ()  # keys

    @cached_property  # ten lists may ask
    def face(self) -> str:
        """What a list that shows this issue is made of."""
        return f"{self.entry} {self.words} {self.updated.isoformat()}"


class Listing(Struct, frozen=True, kw_only=True):
    """What lists say about an issue; read for those in a list that changes, and no others."""

    entry: EntryId
    title: str
    summary: str
    number: str | None
    language: str
    labels: str  # the names of its stories, for the search
    groups: tuple[Group, ...]

    def named(self, kind: str) -> Iterator[Group]:
        """Yield its groups of a kind: TAGS, SECTIONS or YEARS."""
        return (group for group in self.groups if group.key.startswith(f"{kind}/"))


def issue_url(newsletter: Newsletter, entry: EntryId) -> str:
    """Return the permanent address of an issue.

    Raises:
        ValueError: `entry` is not the name of an entry.
    """
    if not _ENTRY.fullmatch(entry):
        raise ValueError(f"not the name of an entry: {entry!r}")
    return f"{newsletter.site_url}/issues/{entry}/"


def said(issue: Issue) -> Issue:
    """Return an issue as the public may have it: without its author's own notes and dates."""
    bare = Issue(title=issue.title, sections=issue.sections)
    return replace(issue, **{name: getattr(bare, name) for name in _UNSAID})


def words_digest(issue_json: dict[str, Any], pictures: tuple[str, ...] = ()) -> str:
    """Return the digest of what an issue says, whatever file it came from.

    Args:
        issue_json: the document of issue.json; where in its file a part stands does not count.
        pictures: digests of its pictures.
    """
    said = {name: value for name, value in issue_json.items() if name not in _UNSAID}
    text = json.dumps([said, pictures], sort_keys=True, separators=(",", ":"))
    return sha256(text.encode("ascii")).hexdigest()[:32]


def listing(
    entry: EntryId, issue: Issue, newsletter: Newsletter, *, summary: str, published: datetime
) -> Listing:
    """Return what lists say about an issue."""
    labels = " · ".join(
        label for story in issue.stories if (label := one_line(story_label(story)))
    )
    return Listing(
        entry=entry,
        title=one_line(issue.title) or newsletter.name,
        summary=summary,
        number=one_line(issue.number) or None if issue.number else None,
        language=issue.language or newsletter.language,
        labels=labels[:_MOST_LABELS],
        groups=tuple(_groups(issue, published)),
    )


def slug(name: str) -> str:
    """Return a name as a folder: other names give other folders.

    Letters without accents, digits and hyphens; where that loses something, a digest tells names
    apart.
    """
    folded = name.casefold()
    plain = unicodedata.normalize("NFKD", folded).encode("ascii", "ignore").decode()
    short = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-")
    if short and folded.replace(" ", "-") == short:
        return short
    digest = sha256(folded.encode(errors="replace")).hexdigest()[:6]
    return f"{short}-{digest}" if short else digest


def _groups(issue: Issue, published: datetime) -> Iterator[Group]:
    seen: set[str] = set()
    named = [
        *((TAGS, tag) for tag in issue.tags),
        *((SECTIONS, section.title) for section in issue.sections if section.title),
        (YEARS, f"{published.year:04}"),
    ]
    for kind, text in named:
        name = one_line(text)
        key = f"{kind}/{slug(name)}"
        if name and key not in seen:
            seen.add(key)
            yield Group(key=key, name=name)
