"""What each header of a message is for, and whether it does that."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from pipeline.studio.letter import Letter

_FOR: Final[Mapping[str, str]] = {
    "dkim-signature": "Signs the headers it names and the body, so that nobody can change them"
    " or send in your name. Gmail and Yahoo ask for it (RFC 6376).",
    "date": "When the message was sent. In the studio it is the date of the issue.",
    "from": "Who readers see. Its domain is the one that DKIM and DMARC are about.",
    "to": "The one reader this copy is for; nobody else is named in it.",
    "reply-to": "Where an answer goes. Without it, answers go to From.",
    "subject": "The line in bold. Phones show about 40 characters of it.",
    "message-id": "The name of this copy. In a dispatch it is the same on every attempt, so a mail"
    " program shows one copy.",
    "list-id": "The name of the newsletter, by which people filter (RFC 2919).",
    "list-unsubscribe": "What the mail program's own Unsubscribe button uses (RFC 2369).",
    "list-unsubscribe-post": "Says that one POST is enough, without a page in between (RFC 8058)."
    " Gmail and Yahoo ask for it.",
    "list-archive": "Where past issues are (RFC 2369).",
    "list-post": "NO: this is not a discussion, readers cannot write to it (RFC 2369).",
    "feedback-id": "By which Gmail counts complaints: the entry, then the newsletter, then you.",
    "precedence": "Asks out-of-office replies to stay silent.",
    "auto-submitted": "Asks machines not to answer (RFC 3834).",
    "mime-version": "Says that the message has parts.",
    "content-type": "The way the parts are put together.",
    "content-transfer-encoding": "How the body is written in plain characters.",
}


class Header(Struct, frozen=True, kw_only=True):
    """A header, what it is for, and what was found about it."""

    name: str
    value: str
    about: str
    good: str = ""  # it does what it is for
    bad: str = ""  # it does not, or is missing


def explained(letter: Letter, *, unsigned: str) -> Iterator[Header]:
    """Yield the headers in their order, then those that are missing.

    Args:
        letter: the message.
        unsigned: why it has no signature; empty if it has one.
    """
    names = {name.lower() for name, _ in letter.headers}
    for name, value in letter.headers:
        good, bad = _verdict(name.lower(), value, letter)
        about = _FOR.get(name.lower(), "")
        yield Header(name=name, value=value, about=about, good=good, bad=bad)
    if "dkim-signature" not in names:
        bad = f"Not signed here: {unsigned}. The relay must sign, or Gmail refuses."
        yield Header(name="DKIM-Signature", value="", about=_FOR["dkim-signature"], bad=bad)
    for name in ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Message-ID", "Date"):
        if name.lower() not in names:
            yield Header(name=name, value="", about=_FOR[name.lower()], bad="Missing.")


def _verdict(name: str, value: str, letter: Letter) -> tuple[str, str]:
    """Return what is good and what is bad about a header."""
    match name:
        case "dkim-signature":
            tags = dict(re.findall(r"([a-z]+)\s*=\s*([^;]*)", value))
            signed = {each.strip().lower() for each in tags.get("h", "").split(":")}
            who = f"{tags.get('a', '').strip()}, key {tags.get('s', '').strip()}"
            who += f" of {tags.get('d', '').strip()}"
            missing = {"from", "list-unsubscribe", "list-unsubscribe-post"} - signed
            if missing:
                return "", f"{who}; does not cover {', '.join(sorted(missing))}"
            return f"{who}; covers From and one-click unsubscribing", ""
        case "list-unsubscribe" if "<https://" not in value:
            return "", "No https address, so there is no one-click unsubscribing."
        case "list-unsubscribe" if letter.header("List-Unsubscribe-Post"):
            return "One click is enough", ""
        case "list-unsubscribe-post" if value.strip() != "List-Unsubscribe=One-Click":
            return "", "Must be exactly List-Unsubscribe=One-Click."
    return "", ""
