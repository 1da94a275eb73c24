"""Whoever reads the text part, and whoever reads the HTML, gets the same issue."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.model.content import plain
from pipeline.preflight.address import fault, normal
from pipeline.preflight.finding import error, shorten, warning
from pipeline.preflight.mail import Mail, squeeze
from pipeline.preflight.walk import bullets, strings, titles

_TEMPLATE = "look for what the template leaves out"
_AROUND_URLS = "<>()[]\"',.;"


def story_titles(mail: Mail) -> Iterator[Diagnostic]:
    """P601."""
    for pointer, text in titles(mail.issue):
        for name, words in mail.letters.items():
            if squeeze(text) not in words:
                yield error(
                    "P601",
                    f"the {name} part lacks the title {shorten(text)}",
                    help_=_TEMPLATE,
                    issue=mail.issue,
                    pointer=pointer,
                )


def bullet_points(mail: Mail) -> Iterator[Diagnostic]:
    """P602: run by run, since a template may put addresses between them."""
    for pointer, content in bullets(mail.issue):
        for name, words in mail.letters.items():
            if not all(squeeze(run) in words for run in strings(content)):
                yield error(
                    "P602",
                    f"the {name} part lacks the bullet {shorten(plain(content))}",
                    help_=_TEMPLATE,
                    issue=mail.issue,
                    pointer=pointer,
                )


def addresses(mail: Mail) -> Iterator[Diagnostic]:
    """P603: but for those a reader could not follow, and pictures in the text part."""
    found = {
        "HTML": {
            normal(value)
            for element in mail.document.iter("a", "img")
            for value in (element.get("href"), element.get("src"))
            if value
        },
        "text": {normal(word.strip(_AROUND_URLS)) for word in set(mail.rendered.text.split())},
    }
    for reference in mail.references:
        wrong = fault(reference.url)
        if wrong and wrong.severity is Severity.ERROR:
            continue
        for name, urls in found.items():
            known = {normal(reference.url), normal(reference.url.strip(_AROUND_URLS))}
            if not known & urls and not (reference.is_image and name == "text"):
                yield warning(
                    "P603",
                    f"the {name} part lacks the address {shorten(reference.url)}",
                    help_=_TEMPLATE,
                    issue=mail.issue,
                    pointer=reference.pointer,
                )
