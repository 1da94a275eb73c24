"""Which addresses may stand in a link, and in what form."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from pipeline.publish.characters import clean

# Browsers and libraries disagree about these inside an address; escaped they all agree.
_UNSAFE: Final = re.compile(r'[ "<>\\^`{|}]')
_LINE_ENDS: Final = re.compile(r"[\t\n]")  # browsers drop them: "java\nscript:" is a script


def web_url(url: str, base_url: str) -> str | None:
    """Resolve an address; None unless it is http or https with a host."""
    try:
        resolved = urljoin(base_url, _LINE_ENDS.sub("", clean(url)).strip())
        parts = urlsplit(resolved)
    except ValueError:  # such as an unclosed IPv6 address
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return None
    return _UNSAFE.sub(lambda match: quote(match.group()), resolved)


def link_url(url: str, base_url: str) -> str | None:
    """Resolve the address of a link; None unless it is http, https or mailto."""
    written = _LINE_ENDS.sub("", clean(url)).strip()
    scheme, colon, address = written.partition(":")
    if colon and scheme.lower() == "mailto":
        return f"mailto:{_UNSAFE.sub(lambda match: quote(match.group()), address.strip())}"
    return web_url(written, base_url)
