"""Where links lead, and what their words say; in the issue and in what a template added."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.model.issue import Issue
from pipeline.model.picture import content_id
from pipeline.preflight.address import Fault, fault, normal
from pipeline.preflight.finding import error, finding, shorten, warning
from pipeline.preflight.mail import Mail

# In each language that we have words in; one word may be of several.
_VAGUE: Final = frozenset(
    {
        *("here", "click here", "click", "this", "link", "this link", "this page", "more"),
        *("read more", "read", "learn more", "see more", "go", "details", "find out more"),
        *("hier", "hier klicken", "klick hier", "klicken sie hier", "link", "dieser link"),
        *("mehr", "mehr lesen", "mehr erfahren", "weiterlesen", "weiter", "zum artikel"),
        *("ici", "cliquez ici", "cliquer ici", "lien", "ce lien", "cette page", "plus"),
        *("lire", "lire plus", "lire la suite", "en savoir plus", "voir plus", "la suite"),
        *("aquí", "haz clic aquí", "haga clic aquí", "pulsa aquí", "enlace", "este enlace"),
        *("más", "leer", "leer más", "saber más", "ver más", "más información", "seguir leyendo"),
        *("tutaj", "tu", "kliknij", "kliknij tutaj", "kliknij tu", "link", "ten link"),
        *("więcej", "czytaj", "czytaj więcej", "czytaj dalej", "dowiedz się więcej", "zobacz"),
        *("هنا", "اضغط هنا", "انقر هنا", "المزيد", "اقرأ المزيد"),
        *("لمعرفة المزيد", "رابط", "هذا الرابط"),
        *("こちら", "こちらをクリック", "ここ", "ここをクリック", "リンク"),
        *("続きを読む", "もっと見る", "もっと読む", "詳細", "詳しくはこちら"),
    }
)

_LEADING: Final = frozenset({"a", "area", "img", "table", "td"})


def addresses_in_the_issue(mail: Mail) -> Iterator[Diagnostic]:
    """P201 to P206, P209: what the author wrote, with its place in the file."""
    for reference in mail.references:
        if found := fault(reference.url):
            yield _as_finding(found, reference.url, mail.issue, reference.pointer)


def addresses_in_the_html(mail: Mail) -> Iterator[Diagnostic]:
    """P201 to P206, P209: what the template added."""
    written = {normal(reference.url) for reference in mail.references}
    for url in _targets(mail):
        found = fault(url)
        if found and normal(url) not in written:
            yield _as_finding(found, url, None, "")


def words_in_the_issue(mail: Mail) -> Iterator[Diagnostic]:
    """P207: the author's links."""
    for reference in mail.references:
        words = re.sub(r"[\W_]+", " ", reference.words).strip().casefold()
        if not reference.is_image and (words in _VAGUE or not words):
            yield warning(
                "P207",
                f"the words {shorten(reference.words)} do not say where the link leads",
                help_="link words that name what is there",
                issue=mail.issue,
                pointer=reference.pointer,
            )


def words_in_the_html(mail: Mail) -> Iterator[Diagnostic]:
    """P207: links that show nothing at all."""
    for anchor in mail.document.iter("a"):
        url = anchor.get("href")
        shown = [anchor.text_content(), anchor.get("aria-label") or ""]
        shown += [image.get("alt") or "" for image in anchor.iter("img")]
        if url and not "".join(shown).strip():
            yield warning(
                "P207",
                f"the link to {shorten(url)} has no words",
                help_="give it words, or its picture an alt",
            )


def places(mail: Mail) -> Iterator[Diagnostic]:
    """P208: links to places inside the mail."""
    marks = {
        value
        for _, _, attributes in mail.sorted.kinds
        for name, value in attributes
        if name in {"id", "name"}
    }
    for url in _targets(mail):
        if url.startswith("#") and url[1:] not in marks:
            yield warning(
                "P208",
                f"nothing in the mail is called {shorten(url)}",
                help_="give the place that id, or remove the link",
            )


def site(mail: Mail) -> Iterator[Diagnostic]:
    """P205, P210: the home of the unsubscribe link, which no part shows before it is filled."""
    found = fault(mail.newsletter.site_url)
    if urlsplit(mail.newsletter.site_url).scheme != "https":
        yield warning(
            "P210",
            f"site_url {shorten(mail.newsletter.site_url)} is not https",
            help_="set an https address as site_url in newsletter.toml (RFC 8058 wants it)",
        )
    if found and found.severity is Severity.ERROR:
        yield _as_finding(found, mail.newsletter.site_url, None, "")


def attached_pictures(mail: Mail) -> Iterator[Diagnostic]:
    """P214."""
    domain = mail.newsletter.mail_domain
    attached = {f"cid:{content_id(each.name, domain)}" for each in mail.rendered.pictures}
    for url in _targets(mail):
        if url.startswith("cid:") and url not in attached:
            yield error(
                "P214",
                f"the picture {shorten(url)} is not attached",
                help_="look for its address in the template",
            )


def _targets(mail: Mail) -> list[str]:
    """Return where the mail leads and what it shows, each address once."""
    kinds = [dict(said) for _, tag, said in mail.sorted.kinds if tag in _LEADING]
    found = (said.get(name) for name in ("href", "src", "background") for said in kinds)
    return list(dict.fromkeys(value for value in found if value is not None))


def _as_finding(found: Fault, url: str, issue: Issue | None, pointer: str) -> Diagnostic:
    message = f"the address {shorten(url)} {found.words}" if url.strip() else "a link is empty"
    return finding(
        found.severity, found.code, message, help_=found.help, issue=issue, pointer=pointer
    )
