"""What every page of the archive shares, and how a page is written."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from msgspec import Struct

from pipeline.locales import written_date
from pipeline.model.language import direction
from pipeline.model.newsletter import Newsletter
from pipeline.publish.characters import clean
from pipeline.publish.feed import Feed, feed_url
from pipeline.publish.words import words_for
from pipeline.template_cache import TemplateCache


class FeedLink(Struct, frozen=True, kw_only=True):
    """A feed as a page points to it."""

    title: str
    media_type: str
    url: str


class Frame(Struct, frozen=True, kw_only=True):
    """The newsletter around a page. Every address in a page is absolute."""

    newsletter: Newsletter
    feeds: Sequence[Feed]
    hub: str | None = None  # of WebSub
    subscribe: bool = False  # whether /subscribe of the site answers

    @property
    def home_url(self) -> str:
        """The first page of the site."""
        return f"{self.newsletter.site_url}/"

    def feed_links(self) -> list[FeedLink]:
        """Return the feeds with every issue."""
        return [
            FeedLink(
                title=feed.title, media_type=feed.media_type, url=feed_url(self.newsletter, feed)
            )
            for feed in self.feeds
        ]

    def write(
        self,
        template: str,
        *,
        language: str,
        canonical: str,
        description: str,
        script: bool = False,
        feeds: Sequence[FeedLink] | None = None,
        **parts: Any,
    ) -> str:
        """Return a page. Pure.

        Args:
            template: in `pages/`.
            language: of the page; what stands around it is in the newsletter's.
            canonical: the address of the page, or of where the text first stood.
            description: one line.
            script: whether the page loads the one script that the site has.
            feeds: to announce instead of those with every issue.
            parts: what the template asks for.
        """
        words = words_for(language, self.newsletter.language)
        around = words_for(self.newsletter.language)
        style = page_style()
        text = (
            _environment()
            .get_template(template)
            .render(
                frame=self,
                newsletter=self.newsletter,
                newsletter_direction=direction(self.newsletter.language),
                language=language,
                direction=direction(language),
                canonical=canonical,
                description=description,
                feeds=self.feed_links() if feeds is None else feeds,
                style=style,
                policy=self._policy(style, script=script),
                _=words.say,
                site_=around.say,
                **parts,
            )
        )
        return clean(text)

    def _policy(self, style: str, *, script: bool) -> str:
        digest = b64encode(sha256(style.encode()).digest()).decode()
        rules = [
            "default-src 'none'",
            f"style-src 'sha256-{digest}'",
            "img-src 'self' https: http:",
            *(["script-src 'self'", "connect-src 'self'"] if script else []),
            "base-uri 'none'",
            "form-action 'self'" if self.subscribe or script else "form-action 'none'",
        ]
        return "; ".join(rules)


@cache
def page_style() -> Markup:
    """Return the one style of all pages."""
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
        bytecode_cache=TemplateCache(Path(__file__)),
    )
    environment.filters["day"] = written_date
    return environment
