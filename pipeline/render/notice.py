"""Notices: a fixed few words in the reader's language, in the look of the newsletter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from pipeline.model.language import direction
from pipeline.model.newsletter import Newsletter
from pipeline.model.notice import LINK, NoticeKind, RenderedNotice
from pipeline.model.rendered import MergeSlot
from pipeline.render.characters import ascii_references, legible, one_line
from pipeline.render.compile import compile_mjml
from pipeline.render.fill import Filler
from pipeline.render.folders import DEFAULT, NOTICES, TemplateFolders
from pipeline.render.inline import PREMAILER, Inliner, inline
from pipeline.render.script import script_of
from pipeline.render.stylesheet import inline_rules, live_rules
from pipeline.render.theme import fonts, load_theme
from pipeline.render.variables import say

if TYPE_CHECKING:  # loaded when the first notice is made
    from babel.messages.catalog import Catalog

SOURCE_LANGUAGE: Final = "en"  # of the words below
LOCALES: Final = Path(__file__).with_name("locale")

_ALSO: Final = ", "


class Words(Struct, frozen=True, kw_only=True):
    """What a notice says; {list}, {newsletter}, {host} and {time} are filled in."""

    subject: str
    heading: str
    body: str
    action: str  # on the button
    after: str = ""  # below the button
    foot: str = ""


_NOTHING_HAPPENS: Final = "If it was not you, ignore this mail, and nothing happens."
_LASTS: Final = "The link works for {time}."

UNSUBSCRIBE: Final = "Unsubscribe"
WORDS: Final = {
    NoticeKind.CONFIRM: Words(
        subject="Please confirm: {list}",
        heading="Please confirm",
        body="Somebody asked that {list} be sent to this address. If that was you, press the"
        " button, and once more on the page that opens.",
        action="Confirm",
        after=_LASTS,
        foot="If it was not you, ignore this mail, and nothing happens: you are not subscribed.",
    ),
    NoticeKind.WELCOME: Words(
        subject="You are subscribed to {list}",
        heading="You are subscribed",
        body="{list} comes to this address. You can pause it, change your details or leave at any"
        " time.",
        action="Your preferences",
        foot="You receive this mail because this address is subscribed to {list} at {host}.",
    ),
    NoticeKind.GOODBYE: Words(
        subject="You are unsubscribed from {list}",
        heading="You are unsubscribed",
        body="{list} does not come to this address any more. This is the last mail about it.",
        action="Undo",
        after="If this was a mistake, you can undo it for {time}.",
    ),
    NoticeKind.DISCLOSE: Words(
        subject="Your data at {newsletter}",
        heading="Your data",
        body="Somebody who has the link to your preferences asked for everything that is stored"
        " about you. If that was you, press the button to get it as a file.",
        action="Get my data",
        after=_LASTS,
        foot=_NOTHING_HAPPENS,
    ),
    NoticeKind.ERASE: Words(
        subject="Erase your data at {newsletter}?",
        heading="Erase your data?",
        body="Somebody who has the link to your preferences asked that everything stored about"
        " you be erased. If that was you, press the button, and once more on the page that opens."
        " Nobody can bring it back afterwards.",
        action="Erase my data",
        after=_LASTS,
        foot=_NOTHING_HAPPENS,
    ),
}


class NoticeRenderer:
    """Renders notices; nothing that anybody typed into a form gets into one."""

    def __init__(
        self,
        template_dirs: Sequence[Path],
        template: str = DEFAULT,
        *,
        inliner: Inliner = PREMAILER,
    ) -> None:
        """Look for the notices in `template_dirs`, and take the theme of the issues' template.

        Args:
            template_dirs: folders of template folders: the workspace's before the packaged one.
            template: the folder whose theme.toml has the colours and the fonts.
            inliner: what writes style attributes.

        Raises:
            ConfigError: no folder of that name; the message lists those there are.
        """
        self._folders = TemplateFolders.of(template_dirs, template)
        self._filler = Filler(TemplateFolders(tuple(template_dirs), NOTICES))
        self._inliner: Inliner = inliner

    def render(
        self,
        kind: NoticeKind,
        newsletter: Newsletter,
        *,
        lists: Sequence[str],
        lasts: timedelta,
        language: str,
    ) -> RenderedNotice:
        """Render a notice for everybody who reads `language`.

        Pure but for reading the template's files and the catalogues.

        Args:
            kind: what it is about.
            newsletter: who writes.
            lists: titles, as readers know them; at least one.
            lasts: how long the link works, as far as it ends at all.
            language: BCP 47; one without a catalogue gets English.

        Raises:
            TemplateError: the template is at fault.
        """
        from babel.dates import format_timedelta

        catalogue = catalogue_of(language)
        known = SOURCE_LANGUAGE if catalogue is None else str(catalogue.locale_identifier)
        values = {
            "list": _ALSO.join(lists),
            "newsletter": newsletter.name,
            "host": newsletter.host,
            # A day is "24 hours" until the second one begins.
            "time": format_timedelta(lasts, threshold=2, locale=known),
        }

        def words(msgid: str) -> str:
            return one_line(legible(say(translated(catalogue, msgid), **values)))

        said = WORDS[kind]
        theme = load_theme(self._folders)
        variables = {
            "newsletter": newsletter,
            "language": known,
            "direction": direction(known),
            "subject": words(said.subject),
            "heading": words(said.heading),
            "body": words(said.body),
            "action": words(said.action),
            "after": words(said.after),
            "foot": words(said.foot),
            "link": LINK,
            "unsubscribe_url": (
                MergeSlot.UNSUBSCRIBE_URL.value if kind is NoticeKind.WELCOME else ""
            ),
            "unsubscribe": words(UNSUBSCRIBE),
            "postal_lines": [line for line in newsletter.postal_address.splitlines() if line],
            "fonts": fonts(theme, script_of(known)),
            **{name: theme.get(name, {}) for name in ("light", "dark", "widths")},
        }
        css = inline_rules(self._filler, variables)
        live_css = live_rules(self._filler, variables)
        mjml = self._filler.fill("notice.mjml.j2", variables | {"live_css": live_css})
        html = inline(compile_mjml(ascii_references(mjml)), css=css, inliner=self._inliner)
        return RenderedNotice(
            subject=variables["subject"],
            html=ascii_references(html),
            text=legible(self._filler.fill("notice.txt.j2", variables)),
        )


def translated(catalogue: Catalog | None, msgid: str) -> str:
    """Return a text in the language of a catalogue; in English if it is not there."""
    found = catalogue.get(msgid) if catalogue is not None and msgid else None
    return str(found.string) if found and found.string else msgid


def catalogue_of(language: str) -> Catalog | None:
    """Return the catalogue of a language, or of the one it is a variety of.

    None: there is none, as for English, which is what the words are written in.
    """
    primary = language.replace("_", "-").partition("-")[0].lower()
    return _catalogues().get(primary)


@cache
def _catalogues() -> dict[str, Catalog]:
    """Read them all at first use: a few kilobytes, and no compiled file to forget."""
    from babel.messages.pofile import read_po

    found = {}
    for file in sorted(LOCALES.glob("*/LC_MESSAGES/notices.po")):
        with file.open("rb") as lines:
            language = file.parents[1].name
            found[language] = read_po(lines, locale=language, abort_invalid=True)
    return found
