"""The HTML as programs read it: what they refuse, and what they have to be told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from pipeline.diagnostic import Diagnostic
from pipeline.preflight.finding import error, shorten, warning
from pipeline.preflight.mail import Mail

FORBIDDEN: Final = (
    *("script", "form", "iframe", "object", "embed", "applet", "frame", "frameset"),
    *("input", "button", "select", "textarea", "base"),
)
_REFRESH: Final = "refresh"


def forbidden_elements(mail: Mail) -> Iterator[Diagnostic]:
    """P901: each kind once; a <meta> that loads another page is one, too."""
    counts = Counter(str(element.tag) for element in mail.document.iter(*FORBIDDEN))
    counts[_REFRESH] = sum(
        (meta.get("http-equiv") or "").lower() == _REFRESH for meta in mail.document.iter("meta")
    )
    for name, count in (+counts).items():
        shown = "<meta http-equiv=refresh>" if name == _REFRESH else f"<{name}>"
        yield error(
            "P901",
            f"the HTML holds {shown}" + (f", {count} times" if count > 1 else ""),
            help_="remove it from the template; link to a page that has it",
        )


def event_handlers(mail: Mail) -> Iterator[Diagnostic]:
    """P902: each name once."""
    names = {
        name
        for _, _, attributes in mail.sorted.kinds
        for name, _ in attributes
        if name.startswith("on")
    }
    for name in sorted(names):
        yield error(
            "P902",
            f"the HTML holds the event handler {name}",
            help_="remove the attribute from the template",
        )


def same_ids(mail: Mail) -> Iterator[Diagnostic]:
    """P510."""
    counts = Counter(filter(None, (each.get("id") for each in mail.sorted.elements)))
    for name, count in counts.items():
        if count > 1:
            yield warning(
                "P510",
                f"{count} elements have the id {shorten(name)}",
                help_="number the ids in the template",
            )


def layout_tables(mail: Mail) -> Iterator[Diagnostic]:
    """P511: a table without heading cells and without a caption holds no data."""
    count = sum(
        table.get("role") not in {"presentation", "none"}
        and next(table.iter("th", "caption"), None) is None
        for table in mail.document.iter("table")
    )
    if count:
        yield warning(
            "P511",
            f"{count} layout table{'s do' if count > 1 else ' does'} not say so",
            help_='write role="presentation" on a table without th cells',
        )


def picture_widths(mail: Mail) -> Iterator[Diagnostic]:
    """P512."""
    for image in mail.document.iter("img"):
        width = image.get("width")
        if width is None or not width.isdecimal():
            yield warning(
                "P512",
                f"the picture {shorten(image.get('src') or '')} has the width {width or 'none'}",
                help_='write width="…" in whole pixels on its img in the template',
            )
