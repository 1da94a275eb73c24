"""Every code of preflight and what it is about; docs/diagnostics.md lists them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        # size.py
        "P101": "The mail is close to the size at which Gmail cuts off the rest",
        "P102": "Gmail would cut off the end of the mail, and with it the unsubscribe link",
        "P103": "The style sheet is close to the size at which Gmail drops it",
        "P104": "Gmail would drop the style sheet: it is larger than 16,000 bytes",
        "P105": "A line of the message is longer than mail servers must accept (998 octets)",
        "P106": "A line of the text part is too long to be quoted in a reply",
        # links.py
        "P201": "A link or picture is not encrypted (http); browsers and readers distrust it",
        "P202": "A link is relative: a mail has no page it could be relative to",
        "P203": "A link has a scheme that mail programs do not open, or that is dangerous",
        "P204": "A link starts with // and borrows the scheme of a page that is not there",
        "P205": "A link leads to a machine that only its author can reach",
        "P206": "A link is empty or not a web address",
        "P207": "The words of a link do not say where it leads; screen readers list links alone",
        "P208": "A link inside the mail leads to a place that is not there",
        "P209": "A mail link would make the reader write to people it does not show",
        "P210": "The site is not on https, so mail programs ignore one-click unsubscribing",
        # headers.py
        "P301": "The subject is empty",
        "P302": "The subject is longer than inboxes show, on any screen (78 characters)",
        "P303": "The subject is longer than phones show (60 characters)",
        "P304": "The subject is in capitals only, as spam is",
        "P305": "The subject or the preheader holds an invisible or unreadable character",
        "P306": "There is no preheader: inboxes show whatever the mail starts with",
        "P307": "The preheader is short: inboxes fill the line with whatever follows",
        "P308": "The preheader is longer than inboxes show (140 characters)",
        # footer.py
        "P401": "The postal address is not set; the law wants one in every mail",
        "P402": "The HTML part has no unsubscribe link",
        "P403": "The text part has no unsubscribe link",
        "P404": "The postal address is set, but a part does not show it",
        # access.py
        "P501": "The HTML part does not say its language; screen readers guess the voice",
        "P502": "The HTML part has no title",
        "P503": "The title of the HTML part is not the subject, which spam filters hold against it",
        "P504": "There is not exactly one main heading (h1)",
        "P505": "A heading level is skipped",
        "P506": "A picture in the HTML part has no alt attribute; its file name is read out",
        "P507": "A picture of the issue has no description",
        # parity.py
        "P601": "The title of a story is missing from a part of the mail",
        "P602": "A bullet is missing from a part of the mail",
        "P603": "A link is missing from a part of the mail",
        # slots.py
        "P701": "Template syntax is left over in the mail",
        "P702": "The issue holds template syntax; readers will see it as it stands",
        "P703": "A merge slot is unknown or broken; readers would see it",
        "P704": "A merge slot stands in the subject or the preheader, where none is filled",
    }
)
