"""llms.txt (llmstxt.org): for programs that read, what there is and where its Markdown is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from pipeline.model.newsletter import Newsletter
from pipeline.publish.characters import one_line
from pipeline.publish.record import Listing, issue_url

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>#!])")


def llms_txt(
    newsletter: Newsletter, listings: Sequence[Listing], *, others: Iterable[str]
) -> bytes:
    """Return the file: the newest issues, and the addresses where the others are found."""
    lines = [f"# {_plain(newsletter.name)}", ""]
    if newsletter.tagline:
        lines += [f"> {_plain(newsletter.tagline)}", ""]
    lines += ["## Issues", ""]
    lines += [
        f"- [{_plain(each.title)}]({issue_url(newsletter, each.entry)}index.md):"
        f" {_plain(each.summary)}"
        for each in listings
    ]
    lines += ["", "## Optional", "", *(f"- <{url}>" for url in others)]
    return ("\n".join(lines) + "\n").encode()


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", one_line(text))
