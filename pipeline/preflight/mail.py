"""What every rule looks at: the issue, its mail, and the mail's HTML parsed once."""

from __future__ import annotations

import email
import re
import unicodedata
from dataclasses import dataclass

from lxml.etree import ParserError
from lxml.html import HtmlElement, document_fromstring

from pipeline.model.issue import Issue
from pipeline.model.newsletter import Newsletter
from pipeline.model.rendered import RenderedIssue


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail about to be frozen."""

    issue: Issue
    rendered: RenderedIssue
    newsletter: Newsletter
    message: bytes  # the sample message
    document: HtmlElement  # of rendered.html

    @property
    def html_words(self) -> str:
        """The text of the HTML part as a reader sees it, the hidden preheader included."""
        bodies = self.document.findall("body")
        return "\n".join(str(body.text_content()) for body in bodies)

    @property
    def transferred_html(self) -> int:
        """Bytes of the HTML part as it travels; 0 if the message has none."""
        for part in email.message_from_bytes(self.message).walk():
            if part.get_content_type() == "text/html":
                return len(str(part.get_payload()))
        return 0


def look(issue: Issue, rendered: RenderedIssue, newsletter: Newsletter, *, message: bytes) -> Mail:
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
        document=document,
    )


def squeeze(text: str) -> str:
    """Return the letters and digits of text, so that wrapping and capitals do not matter."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())
