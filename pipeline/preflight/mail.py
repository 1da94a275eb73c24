"""What every rule looks at: the issue, its mail, and the mail's HTML parsed once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from lxml.etree import ParserError
from lxml.html import HtmlElement, document_fromstring
from msgspec import Struct

from pipeline.model.issue import Issue
from pipeline.model.newsletter import Newsletter
from pipeline.model.rendered import RenderedIssue
from pipeline.model.sample_reader import SampleReader
from pipeline.preflight.looks.kind import Sorted, sort
from pipeline.preflight.looks.sheet import Rule as StyleRule
from pipeline.preflight.looks.sheet import read_sheets, sheets
from pipeline.preflight.parts import Part, parts
from pipeline.preflight.walk import Reference, references


class Filled(Struct, frozen=True):
    """The message that a sample reader would get."""

    reader: SampleReader
    message: bytes


class Mail(Struct, frozen=True, kw_only=True):
    """A mail about to be frozen."""

    issue: Issue
    rendered: RenderedIssue
    newsletter: Newsletter
    message: bytes  # the sample message
    parts: tuple[Part, ...]  # of the message, but for multiparts
    document: HtmlElement  # of rendered.html
    html_words: str  # as a reader sees them, the hidden preheader included
    sorted: Sorted  # all its elements; held, so that none is wrapped twice
    letters: Mapping[str, str]  # of the HTML part and of the text part, squeezed
    references: tuple[Reference, ...]  # the links and pictures of the issue
    samples: tuple[Filled, ...] = ()
    sheets: tuple[str, ...] = ()  # the style elements

    @property
    def rules(self) -> tuple[StyleRule, ...]:
        """The rules of the style elements."""
        return read_sheets(self.sheets)

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
    html_words = "\n".join(str(body.text_content()) for body in document.findall("body"))
    return Mail(
        issue=issue,
        rendered=rendered,
        newsletter=newsletter,
        message=message,
        parts=tuple(parts(message)),
        document=document,
        html_words=html_words,
        letters=MappingProxyType({"HTML": squeeze(html_words), "text": squeeze(rendered.text)}),
        sorted=sort(document),
        references=tuple(references(issue)),
        samples=tuple(samples),
        sheets=sheets(document),
    )


def squeeze(text: str) -> str:
    """Return the letters and digits of text, so that wrapping and capitals do not matter."""
    return "".join(map(_squeezed, text.split()))


# Nothing composes with the blank before it, so that words can be looked at one by one.
@lru_cache(maxsize=8192)
def _squeezed(word: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", word).casefold())
