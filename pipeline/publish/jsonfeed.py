"""JSON Feed 1.1 (jsonfeed.org/version/1.1): one dict."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from pipeline.model.newsletter import Newsletter
from pipeline.publish.characters import one_line
from pipeline.publish.feed import Channel, newsletter_channel
from pipeline.publish.item import FeedItem, newest

FILE_NAME: Final = "feed.json"
MEDIA_TYPE: Final = "application/feed+json"


class JsonFeed(Struct, frozen=True):
    """Writes `feed.json`."""

    title: str = "JSON Feed"
    file_name: str = FILE_NAME
    media_type: str = MEDIA_TYPE

    def build(
        self,
        newsletter: Newsletter,
        items: Sequence[FeedItem],
        *,
        feed_url: str,
        channel: Channel | None = None,
    ) -> bytes:
        """Return the document; see `feed.Feed.build`."""
        about = channel or newsletter_channel(newsletter)
        document = {
            "version": "https://jsonfeed.org/version/1.1",
            "title": about.title,
            "home_page_url": about.home_url,
            "feed_url": feed_url,
            **({"next_url": about.previous} if about.previous else {}),
            "description": about.description,
            "language": newsletter.language,
            "authors": [{"name": one_line(newsletter.name), "url": f"{newsletter.site_url}/"}],
            **({"hubs": [{"type": "WebSub", "url": about.hub}]} if about.hub else {}),
            "items": [_item(item) for item in newest(items)],
        }
        return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def _item(item: FeedItem) -> dict[str, Any]:
    return {
        "id": item.tag,
        "url": item.url,
        "title": item.title,
        "summary": item.summary or item.title,
        "content_html": item.html,
        "date_published": _rfc3339(item.published),
        "date_modified": _rfc3339(item.updated),
        "authors": [{"name": name} for name in item.authors],
        "tags": list(item.tags),
    }


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


FEED: Final = JsonFeed()
