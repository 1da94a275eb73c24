"""The index that the search page fetches: pieces that stay as they are once they are full."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pipeline.locales import written_date
from pipeline.model.newsletter import Newsletter
from pipeline.publish.characters import one_line
from pipeline.publish.record import SECTIONS, TAGS, Listing, issue_url

SHARD: Final = 200  # issues in a piece


def shard(newsletter: Newsletter, listings: Sequence[tuple[Listing, datetime]]) -> bytes:
    """Return a piece, newest first: what the script shows of an issue, and what it looks in."""
    rows = [
        {
            "url": issue_url(newsletter, listing.entry),
            "title": listing.title,
            "number": listing.number or "",
            "date": published.isoformat(timespec="seconds"),
            "day": written_date(published, newsletter.language),
            "language": listing.language,
            "summary": listing.summary,
            "text": _text(listing),
        }
        for listing, published in reversed(listings)
    ]
    return (json.dumps(rows, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _text(listing: Listing) -> str:
    names = (group.name for kind in (TAGS, SECTIONS) for group in listing.named(kind))
    return one_line(" · ".join([listing.summary, listing.labels, *names]))
