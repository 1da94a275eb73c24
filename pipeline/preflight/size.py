"""Sizes at which mail programs cut, drop or fold what they are given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pipeline.diagnostic import Diagnostic
from pipeline.preflight.finding import error, note, shorten, warning
from pipeline.preflight.mail import Mail
from pipeline.preflight.parts import has_line_beyond

# Nobody publishes Gmail's figure: people measured 99 to 105 KB, and disagree on whether the
# HTML counts or what travels. So the larger of the two is held against the middle.
CLIPPED: Final = 102_000  # bytes
NEARLY_CLIPPED: Final = 90_000
STYLE_DROPPED: Final = 16_000  # bytes of all <style>; measured by caniemail.com
STYLE_LARGE: Final = 8_192
LONGEST_LINE: Final = 998  # octets (RFC 5322 2.1.1)
LONGEST_TEXT_LINE: Final = 78  # characters (RFC 5322 2.1.1)
HEAVY_PICTURE: Final = 500_000  # bytes
HEAVY_PICTURES: Final = 2_000_000
HEAVY_MESSAGE: Final = 10_000_000  # octets; the lowest limit of a server that is common


def clipping(mail: Mail) -> Iterator[Diagnostic]:
    """P101, P102: the HTML as it stands, or as it travels."""
    size = max(len(mail.rendered.html.encode()), mail.transferred_html)
    help_ = "split the issue, or leave out stories"
    said = f"the HTML has {size:,} bytes; Gmail cuts at about {CLIPPED:,}"
    if size >= CLIPPED:
        yield error("P102", said, help_=help_)
    elif size >= NEARLY_CLIPPED:
        yield warning("P101", said, help_=help_)


def style_sheet(mail: Mail) -> Iterator[Diagnostic]:
    """P103, P104: all style elements together."""
    size = sum(len((style.text or "").encode()) for style in mail.document.iter("style"))
    said = f"<style> has {size:,} bytes; Gmail drops it beyond {STYLE_DROPPED:,}"
    help_ = "move rules to inline.css of the template, or remove some"
    if size > STYLE_DROPPED:
        yield error("P104", said, help_=help_)
    elif size > STYLE_LARGE:
        yield warning("P103", said, help_=help_)


def message_lines(mail: Mail) -> Iterator[Diagnostic]:
    """P105: lines as they travel."""
    if not has_line_beyond(mail.message, LONGEST_LINE):
        return
    for number, line in enumerate(mail.message.split(b"\r\n"), start=1):
        if len(line) > LONGEST_LINE:
            yield error(
                "P105",
                f"line {number} of message.eml has {len(line):,} octets; servers take {LONGEST_LINE}",
                help_="shorten the header or the address that stands there",
            )


def text_lines(mail: Mail) -> Iterator[Diagnostic]:
    """P106: lines of the text part, but for those that hold a URL."""
    for line in mail.rendered.text.splitlines():
        if len(line) > LONGEST_TEXT_LINE and "://" not in line and " " in line.strip():
            yield note(
                "P106",
                f"the text part has a line of {len(line)} characters: {shorten(line)}",
                help_="wrap it in the text template",
            )


def pictures(mail: Mail) -> Iterator[Diagnostic]:
    """P107, P108: the files that travel with the entry; nothing is fetched."""
    for each in mail.rendered.pictures:
        if len(each.data) > HEAVY_PICTURE:
            yield warning(
                "P107",
                f"the picture {shorten(each.name)} has {len(each.data):,} bytes",
                help_="save it smaller, or as JPEG if it is a photograph",
            )
    total = sum(len(each.data) for each in mail.rendered.pictures)
    if total > HEAVY_PICTURES:
        yield warning(
            "P108",
            f"the pictures have {total:,} bytes together",
            help_="leave some out, or save them smaller",
        )


def whole_message(mail: Mail) -> Iterator[Diagnostic]:
    """P109: as it travels, attached pictures included."""
    if len(mail.message) > HEAVY_MESSAGE:
        yield error(
            "P109",
            f"the message has {len(mail.message):,} octets; servers take {HEAVY_MESSAGE:,}",
            help_='set images.as = "archive" in newsletter.toml, so that pictures are linked',
        )
