"""Nothing of the machinery may reach a reader: template syntax, unknown or broken merge slots."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from pipeline.diagnostic import Diagnostic
from pipeline.model.reading import issue_text
from pipeline.model.rendered import MergeSlot
from pipeline.preflight.finding import error, note, shorten
from pipeline.preflight.mail import Mail, squeeze

_SYNTAX: Final = re.compile(r"\{\{[^{}]{0,80}\}{0,2}|\{%[^{}]{0,80}\}?")
_MARKER: Final = re.compile(r"XX0[A-Z0-9]{2,60}?0XX", re.IGNORECASE)
_SLOTS: Final = tuple(slot.value for slot in MergeSlot)
_START: Final = 9  # characters of a marker that no other text starts with


def template_syntax(mail: Mail) -> Iterator[Diagnostic]:
    """P701, P702: left over by a template, or written by the author and printed as it stands."""
    written = "\n".join(
        [*issue_text(mail.issue), *(reference.url for reference in mail.references)]
    )
    letters = squeeze(written) if "{" in written else ""
    for name, text in _shown(mail):
        for found in dict.fromkeys(_SYNTAX.findall(text)):
            if found[:2] not in written or squeeze(found) not in letters:
                yield error(
                    "P701",
                    f"the {name} shows {shorten(found)}",
                    help_="look for it in the template",
                )
    for found in dict.fromkeys(_SYNTAX.findall(written)):
        yield note(
            "P702",
            f"the issue says {shorten(found)}, and readers will see just that",
            help_="this is fine in an issue about templates; values of readers have no such form",
        )


def markers(mail: Mail) -> Iterator[Diagnostic]:
    """P703: unknown, or cut and changed on the way."""
    for name, text in (("HTML part", mail.rendered.html), ("text part", mail.rendered.text)):
        if not _has_others(text):
            continue
        unknown = [found for found in _MARKER.findall(text) if found not in _SLOTS]
        for slot in _SLOTS:
            starts = len(re.findall(re.escape(slot[:_START]), text, re.IGNORECASE))
            if starts > text.count(slot) and not unknown:
                unknown.append(f"{slot[:_START]}…")
        for found in dict.fromkeys(unknown):
            yield error(
                "P703",
                f"the {name} holds {shorten(found)}, which is no merge slot",
                help_="use the variables of the template, such as {{ unsubscribe_url }}",
            )


def markers_in_headers(mail: Mail) -> Iterator[Diagnostic]:
    """P704."""
    for name, text in (
        ("subject", mail.rendered.subject),
        ("preheader", mail.rendered.preheader),
    ):
        if any(slot in text for slot in _SLOTS) or _MARKER.search(text):
            yield error(
                "P704",
                f"the {name} holds a merge slot, which is not filled there",
                help_="remove it",
            )


def _has_others(text: str) -> bool:
    """Say whether a marker starts somewhere that is no slot: a look that costs little."""
    for slot in _SLOTS:
        text = text.replace(slot, "XX")  # with which another may start
    return "xx0" in text.lower()


def _shown(mail: Mail) -> Iterator[tuple[str, str]]:
    """Yield what a reader sees or follows."""
    yield "subject", mail.rendered.subject
    yield "preheader", mail.rendered.preheader
    yield "text part", mail.rendered.text
    yield "HTML part", mail.html_words
    for element in mail.document.iter("a", "img"):
        for name in ("href", "src", "alt", "title"):
            yield "HTML part", unquote(element.get(name) or "")
