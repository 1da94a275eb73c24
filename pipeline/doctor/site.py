"""D85: what the pages behind a link to leave say beside their words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pipeline.doctor.probing import Answer, Walk
from pipeline.doctor.rule import Family, Finding, Level, Rule

_VERSION: Final = re.compile(r"\d+\.\d+")


def private_pages(walk: Walk) -> Iterator[Finding]:
    """D851."""
    page = _page(walk)
    for name, word in (
        ("Cache-Control", "no-store"),
        ("X-Robots-Tag", "noindex"),
        ("Referrer-Policy", "no-referrer"),
    ):
        if word not in page.header(name).lower():
            yield Finding(f"{name} is {page.header(name) or 'not there'}, not {word}")


def policy(walk: Walk) -> Iterator[Finding]:
    """D852."""
    page = _page(walk)
    found = page.header("Content-Security-Policy")
    if "default-src 'none'" not in found:
        yield Finding("the Content-Security-Policy does not start from nothing (default-src)")
    if "frame-ancestors 'none'" not in found:
        yield Finding("the page can be framed by others (frame-ancestors)")
    if page.header("X-Content-Type-Options").lower() != "nosniff":
        yield Finding("X-Content-Type-Options is not nosniff")


def no_version(walk: Walk) -> Iterator[Finding]:
    """D853."""
    page = _page(walk)
    for name in ("Server", "X-Powered-By"):
        if _VERSION.search(page.header(name)):
            yield Finding(f"{name} says {page.header(name)[:40]!a}")


def _page(walk: Walk) -> Answer:
    return walk.reading.answers[0]


_PROXY: Final = "let the web server before `broadsheet serve` pass its headers on"

PAGES: Final = Family(
    name="pages",
    about="The headers of the page behind a link to leave; with --url.",
    rules=(
        Rule(
            code="D851",
            title="Pages with a token in their address are not kept, indexed or told to others",
            level=Level.MUST,
            source="GDPR 32; RFC 9111 5.2.2.5",
            remedy=_PROXY,
            check=private_pages,
        ),
        Rule(
            code="D852",
            title="Pages run nothing and cannot be framed",
            level=Level.SHOULD,
            source="Content Security Policy Level 3",
            remedy=_PROXY,
            check=policy,
        ),
        Rule(
            code="D853",
            title="No answer tells the version of a server",
            level=Level.SHOULD,
            source="RFC 9110 10.2.4",
            remedy="turn the version off in the web server before `broadsheet serve`",
            check=no_version,
        ),
    ),
)
