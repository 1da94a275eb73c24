"""What machines read in a page: schema.org as JSON-LD, safe inside a script element."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from markupsafe import Markup

from pipeline.model.newsletter import Newsletter
from pipeline.publish.characters import clean, one_line

# Inside <script> an HTML parser looks for "</script" and "<!--", whatever JSON thinks of quotes;
# the two separators end a line in old JavaScript.
_ESCAPES: Final = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def script_json(document: Mapping[str, Any]) -> Markup:
    """Return JSON that means the same and cannot end the script element it stands in."""
    text = clean(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
    return Markup(text.translate(_ESCAPES))  # noqa: S704 - escaped in this line


def blog_posting(
    newsletter: Newsletter,
    *,
    url: str,
    title: str,
    description: str,
    language: str,
    published: datetime,
    updated: datetime,
    authors: Sequence[str],
    image: str | None,
    keywords: Sequence[str],
) -> dict[str, Any]:
    """Describe an issue (schema.org/BlogPosting)."""
    home = f"{newsletter.site_url}/"
    publisher = {"@type": "Organization", "name": one_line(newsletter.name), "url": home}
    document: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "BlogPosting",
        "mainEntityOfPage": url,
        "url": url,
        "headline": title,
        "description": description,
        "inLanguage": language,
        "datePublished": published.isoformat(timespec="seconds"),
        "dateModified": updated.isoformat(timespec="seconds"),
        "author": [{"@type": "Person", "name": one_line(name)} for name in authors] or publisher,
        "publisher": publisher,
        "isPartOf": {"@type": "Blog", "name": one_line(newsletter.name), "url": home},
    }
    if image:
        document["image"] = image
    if keywords:
        document["keywords"] = [one_line(word) for word in keywords]
    return document
