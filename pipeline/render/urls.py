"""Which addresses a mail may link to: absolute ones that every client opens."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urlsplit

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_KEPT: Final = "!#$%&'()*+,/:;=?@[]~"  # everything RFC 3986 gives a meaning; the rest is quoted


def link_url(url: str) -> str | None:
    """Return the URL in ASCII if a reader can follow it: http, https or mailto; else None."""
    return _absolute(url, ("http", "https", "mailto"))


def image_url(url: str) -> str | None:
    """Return the URL in ASCII if a picture can be fetched from it: http or https; else None."""
    return _absolute(url, ("http", "https"))


def host(url: str) -> str:
    """Return the host a link leads to, as a reader would name it."""
    try:
        name = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return name.removeprefix("www.")


def _absolute(url: str, schemes: tuple[str, ...]) -> str | None:
    url = url.strip()
    # urlsplit drops tabs and line ends, as browsers do: "java\nscript:" must not come through.
    if _CONTROL.search(url):
        return None
    try:
        parts = urlsplit(url)
        there = parts.path if parts.scheme == "mailto" else parts.hostname
    except ValueError:
        return None
    return quote(url, safe=_KEPT, errors="replace") if parts.scheme in schemes and there else None
