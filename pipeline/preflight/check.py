"""All rules, in the order their findings are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from pipeline.errors import Diagnostic
from pipeline.model.issue import Issue
from pipeline.model.newsletter import Newsletter
from pipeline.model.rendered import RenderedIssue
from pipeline.preflight import access, footer, headers, links, parity, size, slots
from pipeline.preflight.mail import Mail, look

Rule = Callable[[Mail], Iterable[Diagnostic]]

MOST_PER_CODE: Final = 20

RULES: Final[tuple[Rule, ...]] = (
    headers.subject_length,
    headers.capitals,
    headers.unreadable_characters,
    headers.preheader,
    slots.markers_in_headers,
    slots.markers,
    slots.template_syntax,
    links.addresses_in_the_issue,
    links.addresses_in_the_html,
    links.words_in_the_issue,
    links.words_in_the_html,
    links.places,
    links.site,
    access.language,
    access.title,
    access.main_heading,
    access.heading_order,
    access.alternative_texts,
    access.descriptions,
    parity.story_titles,
    parity.bullet_points,
    parity.addresses,
    size.clipping,
    size.style_sheet,
    size.message_lines,
    size.text_lines,
    footer.postal_address,
    footer.unsubscribe_in_html,
    footer.unsubscribe_in_text,
)


def check(
    issue: Issue,
    rendered: RenderedIssue,
    newsletter: Newsletter,
    *,
    message: bytes,
    rules: Sequence[Rule] = RULES,
) -> tuple[Diagnostic, ...]:
    """Return what is wrong with a mail, at most MOST_PER_CODE findings of a kind.

    Pure: no clock, no network; nothing is fetched.

    Args:
        issue: what the author wrote.
        rendered: the mail made of it.
        newsletter: whose mail it is.
        message: the sample message of the mail.
        rules: what to look for, in order.
    """
    mail = look(issue, rendered, newsletter, message=message)
    return _capped([finding for rule in rules for finding in rule(mail)])


def _capped(findings: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Keep the first of each code; the last one kept says how many were left out."""
    total = Counter(finding.code for finding in findings)
    return tuple(_kept(findings, total))


def _kept(findings: Sequence[Diagnostic], total: Counter[str]) -> Iterator[Diagnostic]:
    seen: Counter[str] = Counter()
    for finding in findings:
        seen[finding.code] += 1
        left_out = total[finding.code] - MOST_PER_CODE
        if seen[finding.code] < MOST_PER_CODE or left_out <= 0:
            yield finding
        elif seen[finding.code] == MOST_PER_CODE:
            yield replace(finding, note=f"and {left_out} more like this")
