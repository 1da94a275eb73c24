"""What the law and the mailbox providers want at the end of every mail."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.diagnostic import Diagnostic
from pipeline.model.rendered import MergeSlot
from pipeline.preflight.finding import error, shorten
from pipeline.preflight.mail import Mail, squeeze

_TEMPLATE = "put {{ unsubscribe_url }} into the template"


def postal_address(mail: Mail) -> Iterator[Diagnostic]:
    """P401, P404."""
    if not mail.newsletter.postal_address.strip():
        yield error(
            "P401",
            "there is no postal address",
            help_="set postal_address in newsletter.toml",
        )
    for line in mail.newsletter.postal_address.splitlines():
        for name, words in mail.letters.items():
            if squeeze(line) not in words:
                yield error(
                    "P404",
                    f"the {name} part does not show {shorten(line)} of the postal address",
                    help_="put newsletter.postal_address into the footer of the template",
                )


def unsubscribe_in_html(mail: Mail) -> Iterator[Diagnostic]:
    """P402: a link, not only the address as text."""
    slot = MergeSlot.UNSUBSCRIBE_URL.value
    if not any(slot in (anchor.get("href") or "") for anchor in mail.document.iter("a")):
        yield error("P402", "the HTML part has no unsubscribe link", help_=_TEMPLATE)


def unsubscribe_in_text(mail: Mail) -> Iterator[Diagnostic]:
    """P403."""
    if MergeSlot.UNSUBSCRIBE_URL.value not in mail.rendered.text:
        yield error("P403", "the text part has no unsubscribe link", help_=_TEMPLATE)
