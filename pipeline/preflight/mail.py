"""What every rule looks at: the issue, its mail, and the mail's HTML parsed once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from lxml import etree
from lxml.etree import ParserError
from lxml.html import HtmlElement, document_fromstring

from pipeline.model.issue import Issue
from pipeline.model.newsletter import Newsletter
from pipeline.model.rendered import RenderedIssue
from pipeline.model.sample_reader import SampleReader
from pipeline.preflight.looks.sheet import Rule as StyleRule
from pipeline.preflight.looks.sheet import read_sheets
from pipeline.preflight.parts import Part, parts


@dataclass(frozen=True, slots=True)
class Filled:
    """The message that a sample reader would get."""

    reader: SampleReader
    message: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail about to be frozen."""

    issue: Issue
    rendered: RenderedIssue
    newsletter: Newsletter
    message: bytes  # the sample message
    parts: tuple[Part, ...]  # of the message, but for multiparts
    document: HtmlElement  # of rendered.html
    elements: tuple[HtmlElement, ...]  # all of it; held, so that none is wrapped twice
    samples: tuple[Filled, ...] = ()
    rules: tuple[StyleRule, ...] = ()  # of the style elements

    @property
    def html_words(self) -> str:
        """The text of the HTML part as a reader sees it, the hidden preheader included."""
        bodies = self.document.findall("body")
        return "\n".join(str(body.text_content()) for body in bodies)

    @property
    def transferred_html(self) -> int:
        """Bytes of the HTML part as it travels; 0 if the message has none."""
        return next((len(each.body) for each in self.parts if each.media_type == "text/html"), 0)


def look(
    issue: Issue,
    rendered: RenderedIssue,
    newsletter: Newsletter,
    *,
    message: bytes,
    samples: Sequence[Filled] = (),
) -> Mail:
    """Parse the HTML as a mail program would, forgivingly."""
    try:
        document = document_fromstring(rendered.html)
    except ParserError:  # there is no element in it at all
        document = document_fromstring("<html></html>")
    return Mail(
        issue=issue,
        rendered=rendered,
        newsletter=newsletter,
        message=message,
        parts=tuple(parts(message)),
        document=document,
        elements=tuple(document.iter(etree.Element)),
        samples=tuple(samples),
        rules=read_sheets(document),
    )


@lru_cache(maxsize=64)
def squeeze(text: str) -> str:
    """Return the letters and digits of text, so that wrapping and capitals do not matter."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())
