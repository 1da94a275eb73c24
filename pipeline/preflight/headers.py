"""Subject and preheader: the two lines an inbox shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pipeline.diagnostic import Diagnostic
from pipeline.preflight.finding import error, note, shorten, warning
from pipeline.preflight.mail import Mail

LONGEST_SUBJECT: Final = 78  # characters; then even wide inboxes cut
PHONE_SUBJECT: Final = 60
SHORTEST_PREHEADER: Final = 40
LONGEST_PREHEADER: Final = 140
_FEWEST_CAPITALS: Final = 8  # "NASA" alone is a name

# Controls, line and paragraph separators, bidirectional embeddings and overrides, and what the
# renderer puts in the place of a character no mail can carry.
_UNREADABLE: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffd\ud800-\udfff]"
)


def subject_length(mail: Mail) -> Iterator[Diagnostic]:
    """P301, P302, P303."""
    length = len(mail.rendered.subject.strip())
    if not length:
        yield error("P301", "the subject is empty", help_="give the issue a title")
    elif length > LONGEST_SUBJECT:
        yield warning(
            "P302",
            f"the subject has {length} characters; inboxes show at most {LONGEST_SUBJECT}",
            help_="shorten the title",
            issue=mail.issue,
            pointer="/title",
        )
    elif length > PHONE_SUBJECT:
        yield note(
            "P303",
            f"the subject has {length} characters; phones show about {PHONE_SUBJECT}",
            help_="say the most important words first",
            issue=mail.issue,
            pointer="/title",
        )


def capitals(mail: Mail) -> Iterator[Diagnostic]:
    """P304."""
    letters = [c for c in mail.rendered.subject if c.isupper() or c.islower()]
    if len(letters) >= _FEWEST_CAPITALS and all(c.isupper() for c in letters):
        yield warning(
            "P304",
            f"the subject {shorten(mail.rendered.subject)} is in capitals",
            help_="write it as you would say it",
            issue=mail.issue,
            pointer="/title",
        )


def unreadable_characters(mail: Mail) -> Iterator[Diagnostic]:
    """P305."""
    for name, text in (
        ("subject", mail.rendered.subject),
        ("preheader", mail.rendered.preheader),
    ):
        for character in dict.fromkeys(_UNREADABLE.findall(text)):
            yield error(
                "P305",
                f"the {name} holds the character U+{ord(character):04X}, which nobody can read",
                help_="remove it from the issue file",
                issue=mail.issue,
                pointer="/title" if name == "subject" else "/subtitle",
            )


def preheader(mail: Mail) -> Iterator[Diagnostic]:
    """P306, P307, P308."""
    length = len(mail.rendered.preheader.strip())
    if not length:
        yield warning("P306", "there is no preheader", help_="give the issue a subtitle")
    elif length < SHORTEST_PREHEADER:
        yield note(
            "P307",
            f"the preheader has only {length} characters; {SHORTEST_PREHEADER} fill the line",
            help_="say more in the subtitle",
            issue=mail.issue,
            pointer="/subtitle",
        )
    elif length > LONGEST_PREHEADER:
        yield note(
            "P308",
            f"the preheader has {length} characters; inboxes show at most {LONGEST_PREHEADER}",
            help_="shorten the subtitle",
            issue=mail.issue,
            pointer="/subtitle",
        )
