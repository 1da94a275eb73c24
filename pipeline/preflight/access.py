"""What readers need who listen to a mail, or do not see its pictures."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from pipeline.diagnostic import Diagnostic
from pipeline.model.language import direction
from pipeline.preflight.finding import error, shorten, warning
from pipeline.preflight.mail import Mail


def language(mail: Mail) -> Iterator[Diagnostic]:
    """P501, P509; "und" is what MJML writes when nobody said."""
    said = mail.document.get("lang") or "und"
    wanted = mail.issue.language or mail.newsletter.language
    help_ = "set lang on <mjml> in the template, from the language of the issue"
    if said == "und":
        yield error("P501", "the HTML part does not say its language", help_=help_)
    elif _primary(said) != _primary(wanted):
        yield warning(
            "P509", f"the HTML part is in {said!r}, and the issue in {wanted!r}", help_=help_
        )


def reading_direction(mail: Mail) -> Iterator[Diagnostic]:
    """P508; "auto" is what MJML writes when nobody said."""
    wanted = direction(mail.issue.language or mail.newsletter.language)
    said = mail.document.get("dir") or "auto"
    if said != wanted:
        yield warning(
            "P508",
            f"the HTML part has dir={said!r}; its language is read {wanted!r}",
            help_=f'set dir="{wanted}" on <mjml> in the template',
        )


def title(mail: Mail) -> Iterator[Diagnostic]:
    """P502, P503."""
    found = " ".join((mail.document.findtext(".//title") or "").split())
    if not found:
        yield error("P502", "the HTML part has no title", help_="put <mj-title> into the template")
    elif found != " ".join(mail.rendered.subject.split()):
        yield warning(
            "P503",
            f"the title {shorten(found)} is not the subject {shorten(mail.rendered.subject)}",
            help_="put {{ subject }} into <mj-title> of the template",
        )


def main_heading(mail: Mail) -> Iterator[Diagnostic]:
    """P504."""
    count = sum(1 for _ in mail.document.iter("h1"))
    if count != 1:
        yield warning(
            "P504",
            f"there are {count} main headings (h1)",
            help_="make the title of the issue the only h1 of the template",
        )


def heading_order(mail: Mail) -> Iterator[Diagnostic]:
    """P505."""
    levels = [
        (int(str(heading.tag)[1]), str(heading.text_content()))
        for heading in mail.document.iter("h1", "h2", "h3", "h4", "h5", "h6")
    ]
    for (above, _), (level, words) in pairwise([(0, ""), *levels]):
        if level > above + 1:
            yield warning(
                "P505",
                f"the heading {shorten(words)} is level {level}, after level {above}",
                help_=f"make it level {above + 1}",
            )


def alternative_texts(mail: Mail) -> Iterator[Diagnostic]:
    """P506: pictures in the HTML; an empty alt says that a picture says nothing."""
    for image in mail.document.iter("img"):
        if image.get("alt") is None:
            yield error(
                "P506",
                f"the picture {shorten(image.get('src') or '')} has no alt attribute",
                help_='write alt="…" in the template, or alt="" if it only decorates',
            )


def descriptions(mail: Mail) -> Iterator[Diagnostic]:
    """P507: pictures of the author."""
    for reference in mail.references:
        if reference.is_image and not reference.words.strip():
            yield warning(
                "P507",
                f"the picture {shorten(reference.url)} has no description",
                help_="say in the brackets of ![…] what it shows",
                issue=mail.issue,
                pointer=reference.pointer,
            )


def _primary(language: str) -> str:
    """Return the language itself of a BCP 47 tag, without its region."""
    return language.lower().replace("_", "-").partition("-")[0]
