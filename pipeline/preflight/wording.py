"""What subject and preheader say, and how: what readers and filters know from spam."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final

from pipeline.diagnostic import Diagnostic
from pipeline.preflight.finding import note, shorten, warning
from pipeline.preflight.mail import Mail, squeeze

_SHOUTING: Final = re.compile(r"[!?¡¿]{2,}|(?:!.*){3,}|[$€£]{2,}|\*{3,}")
# As mail programs write them; without the colon, "Re" is a word.
_REPLY: Final = re.compile(r"\s*(?:re|fwd?|aw|wg|tr|rv|odp|pd)\s*(?:\[\d+\])?:", re.IGNORECASE)
_PICTOGRAPHS: Final = re.compile(
    "(?:(?:[\U0001f1e6-\U0001f1ff]{2}"  # a flag is two letters
    "|[\u2600-\u27bf\u2b50\u2b55\U0001f300-\U0001faff]"
    "[\ufe0f\U0001f3fb-\U0001f3ff]?(?:\u200d[\u2600-\u27bf\U0001f300-\U0001faff]\ufe0f?)*)"
    r"\s*){3,}"
)
_ALIKE: Final = 0.9  # of 1, in letters and digits
_FEWEST: Final = 8  # letters; shorter subjects may well stand in a preheader


def punctuation(mail: Mail) -> Iterator[Diagnostic]:
    """P309."""
    if found := _SHOUTING.search(mail.rendered.subject):
        yield warning(
            "P309",
            f"the subject shouts: {shorten(found.group())}",
            help_="leave one mark, or none",
            issue=mail.issue,
            pointer="/title",
        )


def replies(mail: Mail) -> Iterator[Diagnostic]:
    """P310."""
    if found := _REPLY.match(mail.rendered.subject):
        yield warning(
            "P310",
            f"the subject begins with {shorten(found.group())}, as an answer does",
            help_="remove the prefix",
            issue=mail.issue,
            pointer="/title",
        )


def pictographs(mail: Mail) -> Iterator[Diagnostic]:
    """P311: three or more in a row."""
    if found := _PICTOGRAPHS.search(mail.rendered.subject):
        yield note(
            "P311",
            f"the subject has several pictographs in a row: {found.group().strip()}",
            help_="keep one, at the end",
            issue=mail.issue,
            pointer="/title",
        )


def repetition(mail: Mail) -> Iterator[Diagnostic]:
    """P312: the same, one in the other's beginning, or all but the same."""
    subject, preheader = squeeze(mail.rendered.subject), squeeze(mail.rendered.preheader)
    if min(len(subject), len(preheader)) < _FEWEST:
        return
    alike = SequenceMatcher(None, subject, preheader, autojunk=False)
    if (
        preheader.startswith(subject)
        or subject.startswith(preheader)
        or (alike.quick_ratio() > _ALIKE and alike.ratio() > _ALIKE)
    ):
        yield warning(
            "P312",
            f"the preheader repeats the subject: {shorten(mail.rendered.preheader)}",
            help_="let the subtitle say what the title does not",
            issue=mail.issue,
            pointer="/subtitle",
        )
