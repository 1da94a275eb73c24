"""All rules, in the order their findings are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from pipeline.diagnostic import Diagnostic
from pipeline.model.issue import Issue
from pipeline.model.newsletter import Newsletter
from pipeline.model.rendered import RenderedIssue
from pipeline.preflight import (
    access,
    contrast,
    footer,
    headers,
    links,
    markup,
    parity,
    size,
    slots,
    tracking,
    wording,
)
from pipeline.preflight import message as message_rules
from pipeline.preflight.clients import rules as clients
from pipeline.preflight.mail import Filled, Mail, look

Rule = Callable[[Mail], Iterable[Diagnostic]]

MOST_PER_CODE: Final = 20

RULES: Final[tuple[Rule, ...]] = (
    headers.subject_length,
    headers.capitals,
    headers.unreadable_characters,
    headers.preheader,
    wording.punctuation,
    wording.replies,
    wording.pictographs,
    wording.repetition,
    slots.markers_in_headers,
    slots.markers,
    slots.template_syntax,
    links.addresses_in_the_issue,
    links.addresses_in_the_html,
    links.words_in_the_issue,
    links.words_in_the_html,
    links.places,
    links.attached_pictures,
    links.site,
    tracking.parameters_in_the_issue,
    tracking.parameters_in_the_html,
    tracking.number_of_links,
    access.language,
    access.reading_direction,
    access.title,
    access.main_heading,
    access.heading_order,
    access.alternative_texts,
    access.descriptions,
    markup.forbidden_elements,
    markup.event_handlers,
    markup.same_ids,
    markup.layout_tables,
    markup.picture_widths,
    contrast.colours,
    parity.story_titles,
    parity.bullet_points,
    parity.addresses,
    size.clipping,
    size.style_sheet,
    size.message_lines,
    size.text_lines,
    size.pictures,
    size.whole_message,
    footer.postal_address,
    footer.unsubscribe_in_html,
    footer.unsubscribe_in_text,
    message_rules.header_count,
    message_rules.header_syntax,
    message_rules.unsubscribing,
    message_rules.structure,
    message_rules.read_back,
    message_rules.readers,
    clients.layout,
    clients.looks,
)


def check(
    issue: Issue,
    rendered: RenderedIssue,
    newsletter: Newsletter,
    *,
    message: bytes,
    samples: Sequence[Filled] = (),
    rules: Sequence[Rule] = RULES,
) -> tuple[Diagnostic, ...]:
    """Return what is wrong with a mail, at most MOST_PER_CODE findings of a kind.

    Pure: no clock, no network; nothing is fetched.

    Args:
        issue: what the author wrote.
        rendered: the mail made of it.
        newsletter: whose mail it is.
        message: the sample message of the mail.
        samples: the messages that sample readers would get.
        rules: what to look for, in order.
    """
    mail = look(issue, rendered, newsletter, message=message, samples=samples)
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
