"""The page to look through the outbox: one static file, no script, everything escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from msgspec import Struct

from pipeline.model.entry import Approval, Entry, EntryId
from pipeline.model.newsletter import Newsletter
from pipeline.outbox.approval import ApprovalState, approval_state
from pipeline.template_cache import TemplateCache

CLIPPED_FROM: Final = 102_000  # bytes of HTML; Gmail hides what follows

STATES: Final[Mapping[ApprovalState, str]] = {
    ApprovalState.DRAFT: "draft",
    ApprovalState.APPROVED: "approved",
    ApprovalState.VOID: "edited since approval",
}

LINKS: Final = (
    ("email.html", "HTML"),
    ("email.txt", "Text"),
    ("message.eml", "Message"),
    ("check.json", "Findings"),
    ("issue.json", "Issue"),
    ("email.mjml", "MJML"),
)


class Card(Struct, frozen=True, kw_only=True):
    """What the page shows of an entry."""

    entry: Entry
    state: ApprovalState
    state_words: str
    approved_by: str
    approved_at: str  # UTC, to the minute
    size: int | None  # bytes of HTML


def index_html(
    entries: Sequence[Entry],
    approvals: Mapping[EntryId, Approval],
    newsletter: Newsletter,
    *,
    sizes: Mapping[EntryId, int],
    damaged: Mapping[EntryId, str],
) -> str:
    """Return the page; the same entries give the same page.

    Args:
        entries: in the order to show them.
        approvals: by entry, void ones too.
        newsletter: whose outbox it is.
        sizes: bytes of HTML, by entry.
        damaged: what is wrong with entries that cannot be read.
    """
    cards = []
    for entry in entries:
        approval = approvals.get(entry.id)
        state = approval_state(entry, approval)
        cards.append(
            Card(
                entry=entry,
                state=state,
                state_words=STATES[state],
                approved_by=approval.approved_by if approval else "",
                approved_at=_minute(approval.approved_at) if approval else "",
                size=sizes.get(entry.id),
            )
        )
    return _template().render(
        newsletter=newsletter,
        cards=cards,
        damaged=damaged,
        links=LINKS,
        clipped_from=CLIPPED_FROM,
    )


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        bytecode_cache=TemplateCache(Path(__file__)),
    )
    return environment.get_template("index.html.j2")
