"""Pages for the web: one an issue, and the index of them. No JavaScript, no second file."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline.model.issue import Issue
from pipeline.model.language import direction
from pipeline.model.newsletter import Newsletter
from pipeline.model.reading import reading_minutes
from pipeline.publish.article import article_html
from pipeline.publish.characters import clean
from pipeline.publish.feed import Feed, feed_url
from pipeline.publish.item import FeedItem, in_order, summary
from pipeline.publish.links import web_url

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _FeedLink:
    """A feed as a page points to it."""

    title: str
    media_type: str
    url: str


def issue_page(issue: Issue, newsletter: Newsletter, *, url: str, feeds: Sequence[Feed]) -> str:
    """Return the page on which an issue is read.

    Pure. It holds nothing that belongs to one reader, loads nothing but pictures, and runs no
    script; its policy (CSP) makes browsers enforce that.

    Args:
        issue: as in the outbox.
        newsletter: whose masthead it carries.
        url: absolute; canonical unless the issue names another.
        feeds: formats to announce and to link.
    """
    base_url = f"{newsletter.site_url}/"
    return _page(
        "issue.html",
        newsletter,
        feeds,
        language=issue.language or newsletter.language,
        canonical=_canonical(issue, base_url) or url,
        description=summary(issue),
        issue=issue,
        minutes=reading_minutes(issue),
        image=web_url(issue.image, base_url) if issue.image else None,
        article=Markup(article_html(issue, base_url=base_url)),  # noqa: S704 - escaped there
    )


def home_page(newsletter: Newsletter, items: Sequence[FeedItem], *, feeds: Sequence[Feed]) -> str:
    """Return the index of published issues, newest first; there may be none.

    Pure. Days are those of the zone `published` is given in.
    """
    return _page(
        "home.html",
        newsletter,
        feeds,
        language=newsletter.language,
        canonical=f"{newsletter.site_url}/",
        description=newsletter.tagline or newsletter.name,
        items=in_order(items),
    )


def _page(
    template: str, newsletter: Newsletter, feeds: Sequence[Feed], *, language: str, **words: Any
) -> str:
    style = _style()
    text = (
        _environment()
        .get_template(template)
        .render(
            newsletter=newsletter,
            newsletter_direction=direction(newsletter.language),
            language=language,
            direction=direction(language),
            feeds=[
                _FeedLink(
                    title=feed.title, media_type=feed.media_type, url=feed_url(newsletter, feed)
                )
                for feed in feeds
            ],
            style=style,
            policy=_policy(style),
            **words,
        )
    )
    return clean(text)


def _canonical(issue: Issue, base_url: str) -> str | None:
    return web_url(issue.canonical_url, base_url) if issue.canonical_url else None


def _policy(style: str) -> str:
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self' https: http:; "
        "base-uri 'none'; form-action 'none'"
    )


def _day(moment: date, language: str) -> str:
    """Show a day in English words, and in digits where English would be out of place."""
    if language.partition("-")[0].lower() != "en":
        return f"{moment:%Y-%m-%d}"
    # strftime would ask the locale of the process.
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


@cache
def _style() -> Markup:
    text = files("pipeline.publish").joinpath("pages/page.css").read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704 - our own file


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipeline.publish", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["day"] = _day
    return environment
