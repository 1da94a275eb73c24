"""sitemap.xml: an index, and parts that stay as they are once they are full (sitemaps.org)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape

PART: Final = 500  # issues in a part
_NAMESPACE: Final = "http://www.sitemaps.org/schemas/sitemap/0.9"


def url_set(pages: Iterable[tuple[str, datetime | None]]) -> bytes:
    """Return a part: addresses, and when what is there last changed."""
    return _document("urlset", "url", pages)


def index(parts: Iterable[tuple[str, datetime | None]]) -> bytes:
    """Return the index: the addresses of the parts."""
    return _document("sitemapindex", "sitemap", parts)


def robots(site_url: str) -> bytes:
    """Return robots.txt: everything may be read, and where the list of it is (RFC 9309)."""
    return f"User-agent: *\nAllow: /\n\nSitemap: {site_url}/sitemap.xml\n".encode()


def _document(root: str, each: str, rows: Iterable[tuple[str, datetime | None]]) -> bytes:
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<{root} xmlns="{_NAMESPACE}">']
    for url, moment in rows:
        changed = f"<lastmod>{_moment(moment)}</lastmod>" if moment else ""
        lines.append(f"<{each}><loc>{escape(url)}</loc>{changed}</{each}>")
    return "\n".join([*lines, f"</{root}>", ""]).encode()


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
