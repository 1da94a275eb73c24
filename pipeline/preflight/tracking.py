"""Links that follow the reader, hide where they lead, or are too many."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from pipeline.diagnostic import Diagnostic
from pipeline.model.issue import Issue
from pipeline.preflight.address import normal
from pipeline.preflight.finding import note, shorten, warning
from pipeline.preflight.mail import Mail

MOST_LINKS: Final = 100

_PARAMETERS: Final = re.compile(
    r"utm_\w+|(?:fb|g|gb|ms|tw|dc|li_fat_|ttc|y)clid|wbraid|gbraid|mc_[ce]id|_hs(?:enc|mi)"
    r"|hsctatracking|mkt_tok|igsh(?:id)?|vero_(?:id|conv)|oly_(?:anon|enc)_id|_openstat|wickedid"
    r"|s_cid|ck_subscriber_id|__s|rb_clickid|_bta_(?:tid|c)|trk_\w+",
    re.IGNORECASE,
)
# Services whose addresses say nothing of where they lead; with all names below them.
SHORTENERS: Final = frozenset(
    {
        *("bit.ly", "buff.ly", "cutt.ly", "db.tt", "dlvr.it", "fb.me", "goo.gl", "hubs.ly"),
        *("ift.tt", "is.gd", "lnkd.in", "ow.ly", "rb.gy", "rebrand.ly", "s.id", "shorturl.at"),
        *("t.co", "t.ly", "tiny.cc", "tinyurl.com", "trib.al", "v.gd", "wp.me"),
    }
)
# Services that pass the reader on and count the visit: host, and how the path begins.
_REDIRECTORS: Final = (
    ("google.com", "/url"),
    ("facebook.com", "/l.php"),
    ("l.facebook.com", "/"),
    ("l.instagram.com", "/"),
    ("out.reddit.com", "/"),
    ("youtube.com", "/redirect"),
    ("linkedin.com", "/redir/"),
    ("list-manage.com", "/track/"),
    ("ct.sendgrid.net", "/"),
    ("links.beehiiv.com", "/"),
    ("email.mg.substack.com", "/c/"),
    ("substack.com", "/redirect/"),
    ("mandrillapp.com", "/track/"),
    ("awstrack.me", "/"),
    ("click.convertkit-mail.com", "/"),
    ("safelinks.protection.outlook.com", "/"),
    ("urldefense.com", "/"),
)


def parameters_in_the_issue(mail: Mail) -> Iterator[Diagnostic]:
    """P211, P212: what the author wrote, with its place in the file."""
    for reference in mail.references:
        if not reference.is_image:
            yield from _judged(reference.url, mail.issue, reference.pointer)


def parameters_in_the_html(mail: Mail) -> Iterator[Diagnostic]:
    """P211, P212: what the template added."""
    written = {normal(reference.url) for reference in mail.references}
    for url in dict.fromkeys(anchor.get("href") or "" for anchor in mail.document.iter("a")):
        if normal(url) not in written:
            yield from _judged(url, None, "")


def number_of_links(mail: Mail) -> Iterator[Diagnostic]:
    """P213: those that lead out of the mail."""
    urls = [anchor.get("href") or "" for anchor in mail.document.iter("a")]
    count = sum(not url.startswith("#") and url != "" for url in urls)
    if count > MOST_LINKS:
        yield warning(
            "P213",
            f"the mail has {count} links",
            help_="leave out stories, or link each source once",
        )


def _judged(url: str, issue: Issue | None, pointer: str) -> Iterator[Diagnostic]:
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").rstrip(".").lower()
    except ValueError:
        return  # P206
    if parts.scheme not in {"http", "https"}:
        return
    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    followed = [name for name in names if _PARAMETERS.fullmatch(name)]
    if followed:
        yield note(
            "P211",
            f"the address {shorten(url)} carries {', '.join(dict.fromkeys(followed))}",
            help_="cut it off before them, and see that the page still opens",
            issue=issue,
            pointer=pointer,
        )
    if _is_shortened(host) or _is_redirected(host, parts.path):
        yield warning(
            "P212",
            f"the address {shorten(url)} hides where it leads",
            help_="link the page it leads to",
            issue=issue,
            pointer=pointer,
        )


def _is_shortened(host: str) -> bool:
    return any(host == name or host.endswith(f".{name}") for name in SHORTENERS)


def _is_redirected(host: str, path: str) -> bool:
    return any(
        (host == name or host.endswith(f".{name}")) and path.startswith(start)
        for name, start in _REDIRECTORS
    )
