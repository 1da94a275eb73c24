"""The findings about links that were followed: P251 to P254."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from lxml.html import document_fromstring

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.model.issue import Issue
from pipeline.model.rendered import RenderedIssue
from pipeline.preflight.address import fault
from pipeline.preflight.finding import finding, shorten
from pipeline.preflight.following.fate import Fate, Kind
from pipeline.preflight.walk import references

LONGEST: Final = 300  # characters of what a server says, or of the address it names

_SAID: Final = {
    Kind.DEAD: ("P251", Severity.ERROR, "is dead", "link where the page has gone"),
    Kind.UNSURE: ("P252", Severity.WARNING, "could not be checked", "open it in a browser"),
    Kind.MOVED: ("P253", Severity.NOTE, "has moved for good", "link the new address"),
    Kind.REFUSED: ("P254", Severity.WARNING, "was not followed", "link a public page"),
}


def places(issue: Issue, rendered: RenderedIssue) -> dict[str, str | None]:
    """Return the links and pictures to follow, with the pointer of their place in the issue.

    None: a template added it. What is no web address, or is known to be wrong, is not there.
    """
    found: dict[str, str | None] = {}
    for reference in references(issue):
        found.setdefault(reference.url.strip(), reference.pointer)
    if rendered.html.strip():
        document = document_fromstring(rendered.html)
        for element in document.iter("a", "img"):
            found.setdefault((element.get("href") or element.get("src") or "").strip(), None)
    return {url: place for url, place in found.items() if _is_followed(url)}


def judged(
    issue: Issue, places_: Mapping[str, str | None], fates: Mapping[str, Fate]
) -> Iterator[Diagnostic]:
    """Yield what is wrong with the links of an issue, in the order of `places`."""
    for url, pointer in places_.items():
        fate = fates[url]
        if fate.kind is Kind.THERE:
            continue
        code, severity, words, help_ = _SAID[fate.kind]
        yield finding(
            severity,
            code,
            f"the address {shorten(url)} {words}: {_brief(fate.words)}",
            help_=help_,
            issue=issue if pointer is not None else None,
            pointer=pointer or "",
        )


def _brief(words: str) -> str:
    """Return words a server may have had a hand in, on one line that a person would read."""
    line = "".join(each if each.isprintable() else " " for each in words)
    return " ".join(line.split())[:LONGEST]


def _is_followed(url: str) -> bool:
    wrong = fault(url)
    web = url.lower().startswith(("http://", "https://"))
    return web and (wrong is None or wrong.severity is not Severity.ERROR)
