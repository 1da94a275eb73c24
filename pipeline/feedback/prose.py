"""Bounces written for people: exim, qmail, Exchange, old Postfix, Yahoo, Gmail and their like.

They differ in words and agree in shape: a mail system says that something failed, names addresses,
each with a reason beside or below it, and puts what it returns behind a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from pipeline.feedback.finding import ADDRESS, Finding, addresses_in
from pipeline.feedback.mime import Part
from pipeline.feedback.notification import could_be_reader, notification, says_failure
from pipeline.feedback.phrases import either
from pipeline.feedback.words import code_in, kind_of, one_line, status_in
from pipeline.model.feedback import FeedbackKind

MOST_RECIPIENTS: Final = 20
_LONGEST_REASON: Final = 12  # lines

_STILL_TRIED: Final = either(
    r"\bnot yet been delivered\b",
    r"\bwill (?:be re-?tried|continue to (?:re-?try|attempt|try|be))\b",
    r"\bwill (?:re)?try (?:again|to deliver)\b",
    r"\bstill being retried\b",
    r"\bhas been (?:delayed|postponed)\b",
    r"\bcontinue to (?:be )?(?:try|attempt|made)\b",
    r"\bwarning message only\b",
    r"\bdelivery attempts will continue\b",
    r"\bmessage (?:has been )?delayed\b",
    r"\bdo not need to resend\b",
)
_LATE: Final = re.compile(r"\bdelay|\bstill being retried", re.IGNORECASE)
# Nothing but decoration before an address at the start of a line.
_OPENING: Final = re.compile(
    r"^[\s>*#•·|\[('\"<-]{0,40}(?:(?:SMTP|mailto|rfc822|e-?mail|recipient|address|user|"
    r"(?:failed|intended|undeliverable|original|invalid|final|unknown|error)[ -]"
    r"(?:final )?(?:delivery )?(?:recipient|address|user(?:id)?|for))"
    r"[:;=]?[\s<\"'\[(]{0,5}){0,3}$",
    re.IGNORECASE,
)
_EXPANDED: Final = re.compile(
    r"\b(?:expanded from|generated from|originally addressed to|addressed to)\b[\s:]*['\"<]?$",
    re.IGNORECASE,
)
# Behind it stand those who failed, before it the one we wrote to, which may be another.
_ANNOUNCED: Final = either(
    r"\b(?:following|these|this|intended|some) (?:final |e-?mail )?(?:address|recipient|"
    r"user)\S{0,6}",
    r"\b(?:not delivered|not be delivered|undeliverable|failed) to\b",
    r"\bfatal errors\b",
)
# Whom they will not hear from is us.
_WRITER: Final = re.compile(
    r"\b(?:from|by|reply to|contact|sender)\b[\s:]*['\"<(]*$", re.IGNORECASE
)


class _Named(NamedTuple):
    """An address in a text."""

    address: str
    line: int
    leads: bool  # it is what the line is about


def read_prose(message: Part) -> tuple[Finding, ...]:
    """Return whom a bounce in words names and what it says of each."""
    lines = notification(message)
    text = "\n".join(lines)
    if not says_failure(message, text):
        return ()
    named = _recipients(message, lines)[:MOST_RECIPIENTS]
    late = bool(_STILL_TRIED.search(" ".join(text.split())) or _LATE.search(message.subject))
    found: dict[str, Finding] = {}
    for number, each in enumerate(named):
        end = named[number + 1].line if number + 1 < len(named) else len(lines)
        reason = lines[each.line : max(each.line + 1, min(end, each.line + _LONGEST_REASON))]
        finding = _finding("\n".join(reason), text, each.address, late=late)
        known = found.setdefault(each.address.lower(), finding)
        if known.kind is FeedbackKind.UNKNOWN:
            found[each.address.lower()] = finding
    return tuple(found.values())


def _recipients(message: Part, lines: list[str]) -> list[_Named]:
    """Return those that lines are about; all that are named if no line is about one."""
    ours = {found.lower() for found in _ours(message)}
    named = [
        each
        for each in _addresses(lines)
        if each.address.lower() not in ours and could_be_reader(each.address)
    ]
    if failed := list(addresses_in(", ".join(message.all("x-failed-recipients")))):
        at = {each.address.lower(): each.line for each in reversed(named)}
        return [_Named(each, at.get(each.lower(), 0), leads=True) for each in failed]
    announced = next((n for n, line in enumerate(lines) if _ANNOUNCED.search(line)), 0)
    leading = [each for each in named if each.leads]
    return (
        [each for each in leading if each.line >= announced]
        or leading
        or [each for each in named if _is_blamed(each, lines)]
        or [each for each in named if each.line >= announced]
        or named
        or [_Named(each, 0, leads=False) for each in addresses_in(message.subject)]
    )


def _is_blamed(each: _Named, lines: list[str]) -> bool:
    return kind_of(None, _without(each.address, lines[each.line])) is not FeedbackKind.UNKNOWN


def _ours(message: Part) -> Iterator[str]:
    """Yield addresses of who wrote this and of whom they wrote to: not who failed."""
    for name in ("from", "reply-to", "sender", "to", "delivered-to", "return-path", "errors-to"):
        for value in message.all(name):
            yield from addresses_in(value)


def _addresses(lines: list[str]) -> Iterator[_Named]:
    for number, line in enumerate(lines):
        for match in ADDRESS.finditer(line):
            before = line[: match.start()]
            leads = bool(_OPENING.match(before) or _EXPANDED.search(before))
            if leads or not _WRITER.search(before):
                yield _Named(match["address"].rstrip("-"), number, leads)


def _finding(reason: str, text: str, recipient: str, *, late: bool) -> Finding:
    status = status_in(reason) or status_in(text)
    code = code_in(reason) or code_in(text)
    kind = kind_of(status, _without(recipient, reason), code=code)
    if kind is FeedbackKind.UNKNOWN:
        kind = kind_of(status, _without(recipient, text), code=code)
    return Finding(FeedbackKind.DELAYED if late else kind, recipient, status, one_line(reason))


def _without(recipient: str, text: str) -> str:
    """Return a text with the address taken out: a name such as spam@ is no reason."""
    return text.replace(recipient, "x@y")
