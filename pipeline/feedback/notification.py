"""The part of a bounce that a mail system wrote to us, apart from what it returns."""

from __future__ import annotations

import re
from typing import Final

from pipeline.feedback.finding import addresses_in, is_from_robot
from pipeline.feedback.mime import Part
from pipeline.feedback.phrases import either

_MOST_LINES: Final = 400
_START: Final = 2000  # characters that say what a mail is about

_FAILED: Final = either(
    r"\b(?:un|non-?)deliver\w+",
    r"\breturn(?:ed|ing) (?:e-?mail|message|to sender)",
    r"\b(?:delivery|mail|message|processing|permanent)(?: \S{1,20}){0,3}? (?:fail\w*|"
    r"error|problems?)\b",
    r"\bfail(?:ed|ure)\b(?: \S{1,20}){0,4}? (?:mail|deliver\w*|notice|recipients?|"
    r"address\w*)",
    r"\b(?:could|can|was|has|were)(?: ?not|n't)(?: yet)? (?:be |been )?(?:deliver|reach|"
    r"accept|process)\w*",
    r"\b(?:not|unable to|did not) (?:be )?(?:deliver|reach|receive)\w*",
    r"\bno valid recipients\b",
    r"\b(?:delay|postpon)ed\b",
    r"\bdelivery status notification\b",
    r"\buser unknown\b",
    r"\bmailbox is full\b",
    r"\bautomatically rejected\b",
    r"\bdoes not like recipient\b",
    r"\bwasn't able to deliver\b",
    r"\bfatal errors?\b",
    r"\bfehlgeschlagen\b",
    r"\bunzustellbar\w*",
    r"\bnon remis\b",
    r"\bno pudo ser entregado\b",
    r"\bmancata consegna\b",
)
# Where what was written to us ends and what we had written begins.
_ENDS: Final = either(
    r"[\W_]{2,}.{0,30}\b(?:copy|original|returned|unsent|text|header|body|forwarded|"
    r"begin|start|message)\b",
    r".{0,60}\b(?:copy|original|returned|unsent|header|headers|first|undelivered|sent)"
    r"\b.{0,40}\b(?:follows?|below|attached|in part|of the message|of your message|"
    r"details|headers)\b.{0,20}[:.\W]*$",
    r">?(?:Return-Path|Received):\s",
    r">?From \S+ \w{3} \w{3} ",
    r"(?:Original|Old) message[:\s]*$",
)
# A divider that announces what we are looking for, or what is said about it.
_GOES_ON: Final = either(
    r"recipient",
    r"address",
    r"error",
    r"log\b",
    r"transcript",
    r"reason",
    r"detail",
    r"report",
    r"notif",
    r"not delivered",
    r"message from",
    r"end of",
    r"system",
    r"non-delivery",
    r"technical",
)
_NOT_A_READER: Final = re.compile(
    r"^(?:post-?master|mailer-daemon|abuse|support|help\w*|noreply|no-reply|mdaemon|admin\w*)@",
    re.IGNORECASE,
)


def notification(message: Part) -> list[str]:
    """Return the lines a mail system wrote to us, without those it returns."""
    lines: list[str] = []
    named = False
    for part in message.walk(enclosed=False):
        if not part.type.startswith("text/") or "rfc822" in part.type:
            continue
        for line in part.text.split("\n")[:_MOST_LINES]:
            if named and _ENDS.match(line.strip()) and not _GOES_ON.search(line):
                return lines
            lines.append(line)
            named = named or any(map(could_be_reader, addresses_in(line)))
    if not lines and message.type.startswith("multipart/"):
        lines = message.body[:8000].decode("utf-8", "replace").split("\n")
    return lines


def could_be_reader(address: str) -> bool:
    """Say whether an address may be somebody's, and not a mail system's own."""
    return not _NOT_A_READER.match(address)


def says_failure(message: Part, text: str) -> bool:
    """Say whether a mail is about a delivery that failed.

    Of a robot's mail the text may say so; people write about failures, too, and only a Subject
    that says so makes theirs one.
    """
    if _FAILED.search(message.subject):
        return True
    return is_from_robot(message) and bool(_FAILED.search(" ".join(text[:_START].split())))
