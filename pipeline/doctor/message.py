"""D1: the form of a message, by its bytes and by what the standard library reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from pipeline.doctor.domains import aligned
from pipeline.doctor.mail import Mail
from pipeline.doctor.rule import Family, Finding, Level, Rule

LONGEST_LINE: Final = 998  # octets without CRLF (RFC 5322 2.1.1)
WANTED_LINE: Final = 78
LONGEST_ENCODED: Final = 76  # characters of a quoted-printable line (RFC 2045 6.7)
LONGEST_WORD: Final = 75  # characters (RFC 2047 2)
LONGEST_LOCAL_PART: Final = 64  # octets (RFC 5321 4.5.3.1.1)
LONGEST_ADDRESS: Final = 254
AGE: Final = timedelta(hours=2)  # spam filters count a Date further ahead

SINGLE: Final = (
    *("Date", "From", "Sender", "Reply-To", "To", "Cc", "Bcc"),
    *("Message-ID", "In-Reply-To", "References", "Subject"),
)
NEEDED: Final = ("Date", "From", "To", "Subject", "Message-ID")
STRUCTURED: Final = frozenset(
    {
        *("date", "message-id", "in-reply-to", "references", "mime-version", "content-type"),
        *("content-transfer-encoding", "list-id", "list-unsubscribe", "list-unsubscribe-post"),
        *("list-help", "list-archive", "list-owner", "list-subscribe", "list-post"),
        *("feedback-id", "precedence", "auto-submitted", "dkim-signature", "cfbl-address"),
    }
)

_WORD: Final = re.compile(r"=\?[^?\s]+\?[bqBQ]\?[^?]*\?=")
_ID: Final = re.compile(r"<[^\s<>@]+@([^\s<>@]+)>")
_ENCODINGS: Final = {"quoted-printable", "7bit"}


def single_fields(mail: Mail) -> Iterator[Finding]:
    """D101."""
    for name in SINGLE:
        count = len(mail.values(name))
        if count > 1:
            yield Finding(f"{name} stands {count} times")
    for name in NEEDED:
        if not mail.values(name):
            yield Finding(f"there is no {name}")


def line_ends(mail: Mail) -> Iterator[Finding]:
    """D102."""
    rest = mail.raw.replace(b"\r\n", b"")
    for name, character in (("a bare CR", b"\r"), ("a bare LF", b"\n"), ("a NUL", b"\0")):
        if character in rest:
            yield Finding(f"the message holds {name}")


def line_lengths(mail: Mail) -> Iterator[Finding]:
    """D103."""
    for number, line in enumerate(mail.raw.split(b"\r\n"), start=1):
        if len(line) > LONGEST_LINE:
            yield Finding(f"line {number} has {len(line):,} octets")


def header_lines(mail: Mail) -> Iterator[Finding]:
    """D104: a line of one word only, as a long address, cannot be folded."""
    for line in mail.head.split(b"\r\n"):
        words = line.partition(b":")[2] if line[:1] not in {b" ", b"\t"} else line
        if len(line) > WANTED_LINE and len(words.split()) > 1:
            yield Finding(f"a line of the header has {len(line)} characters: {_shown(line)}")


def header_characters(mail: Mail) -> Iterator[Finding]:
    """D105."""
    for line in mail.lines:
        name, colon, value = line.partition(b":")
        if not colon or not re.fullmatch(rb"[\x21-\x39\x3b-\x7e]+", name):
            yield Finding(f"this is no header field: {_shown(line)}")
        elif not value.isascii():
            yield Finding(f"{name.decode('ascii')} holds bytes that are not ASCII")


def encoded_words(mail: Mail) -> Iterator[Finding]:
    """D106: addresses and identifiers are read by programs, which do not decode them."""
    for name, value in mail.fields:
        if name in STRUCTURED and "=?" in value:
            yield Finding(f"{name} holds an encoded word: {_shown(value)}")
        for word in _WORD.findall(value):
            if len(word) > LONGEST_WORD:
                yield Finding(f"{name} holds an encoded word of {len(word)} characters")
    for name in ("From", "To", "Reply-To"):
        if any("=?" in address for address in mail.addresses(name)):
            yield Finding(f"{name} holds an encoded word in an address")


def message_id(mail: Mail) -> Iterator[Finding]:
    """D107."""
    for value in mail.values("Message-ID"):
        match = _ID.fullmatch(value)
        if match is None:
            yield Finding(f"Message-ID is {_shown(value)}, which is not <left@domain>")
        elif not aligned(match[1], mail.newsletter.mail_domain):
            yield Finding(f"Message-ID is of {match[1]}, not of {mail.newsletter.mail_domain}")


def date(mail: Mail) -> Iterator[Finding]:
    """D108."""
    for value in mail.values("Date"):
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            yield Finding(f"Date is {_shown(value)}, which is no date")
            continue
        if moment.tzinfo is None:
            yield Finding(f"Date {_shown(value)} names no time zone")
        elif abs(moment - mail.now) > AGE:
            yield Finding(f"Date is {_shown(value)}, and the message was written at {mail.now}")


def one_reader(mail: Mail) -> Iterator[Finding]:
    """D109."""
    found = mail.addresses("To")
    if [each.lower() for each in found] != [mail.reader.lower()]:
        yield Finding(f"To names {len(found)} addresses, or another one than the reader's")
    yield from (Finding(f"there is a {name}") for name in ("Cc", "Bcc") if mail.values(name))


def sender_name(mail: Mail) -> Iterator[Finding]:
    """D110: a name with an address in it is how somebody else is played."""
    for name in ("From", "Reply-To"):
        for value in mail.values(name):
            if "@" in value.rpartition("<")[0]:
                yield Finding(f"the display name of {name} holds an address: {_shown(value)}")


def addresses(mail: Mail) -> Iterator[Finding]:
    """D111."""
    for name in ("From", "Reply-To", "To"):
        for address in mail.addresses(name):
            local, _, domain = address.rpartition("@")
            if len(local) > LONGEST_LOCAL_PART or len(address) > LONGEST_ADDRESS:
                yield Finding(f"an address of {name} has {len(address)} characters")
            if not domain.isascii():
                yield Finding(f"the domain of {name} is not in its ASCII form (xn--)")


def alignment(mail: Mail) -> Iterator[Finding]:
    """D112."""
    if not aligned(mail.from_domain, mail.envelope_domain):
        yield Finding(
            f"From is of {mail.from_domain or 'nobody'}, bounces go to {mail.envelope_domain}"
        )


def mime(mail: Mail) -> Iterator[Finding]:
    """D113."""
    if mail.value("MIME-Version") != "1.0":
        yield Finding(f"MIME-Version is {_shown(mail.value('MIME-Version'))}")
    for part in mail.parsed.walk():
        if part.get_content_maintype() != "text":
            continue
        kind = part.get_content_type()
        encoding = str(part.get("Content-Transfer-Encoding", "7bit")).lower()
        if not part.get_content_charset():
            yield Finding(f"the {kind} part names no charset")
        if encoding not in _ENCODINGS:
            yield Finding(f"the {kind} part travels as {encoding}")
        longest = max(map(len, str(part.get_payload()).splitlines()), default=0)
        if encoding == "quoted-printable" and longest > LONGEST_ENCODED:
            yield Finding(f"a quoted-printable line of the {kind} part has {longest} characters")


def defects(mail: Mail) -> Iterator[Finding]:
    """D114."""
    yield from map(Finding, mail.defects)


def _shown(value: bytes | str, longest: int = 60) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    return ascii(text if len(text) <= longest else f"{text[: longest - 1]}…")


_COMPOSING: Final = "the composed bytes are wrong: look at what changed them after composing"

MESSAGE: Final = Family(
    name="message",
    about="The form of the newest entry's message, composed for an invented reader.",
    rules=(
        Rule(
            code="D101",
            title="Date, From, To, Subject and Message-ID stand exactly once, no field twice",
            level=Level.MUST,
            source="RFC 5322 3.6; Gmail sender guidelines",
            remedy=_COMPOSING,
            check=single_fields,
        ),
        Rule(
            code="D102",
            title="Lines end with CRLF; there is no other CR or LF, and no NUL",
            level=Level.MUST,
            source="RFC 5322 2.3; RFC 5321 2.3.8",
            remedy=_COMPOSING,
            check=line_ends,
        ),
        Rule(
            code="D103",
            title="No line is longer than 998 octets",
            level=Level.MUST,
            source="RFC 5322 2.1.1",
            remedy="shorten the address or the word that stands there",
            check=line_lengths,
        ),
        Rule(
            code="D104",
            title="Lines of the header that can be folded have at most 78 characters",
            level=Level.SHOULD,
            source="RFC 5322 2.1.1",
            remedy=_COMPOSING,
            check=header_lines,
        ),
        Rule(
            code="D105",
            title="The header is ASCII, and each line of it is a field",
            level=Level.MUST,
            source="RFC 5322 2.2",
            remedy=_COMPOSING,
            check=header_characters,
        ),
        Rule(
            code="D106",
            title="No encoded word stands in an address, an identifier or a URI",
            level=Level.MUST,
            source="RFC 2047 5",
            remedy="shorten site_url: a broken List-Unsubscribe ends one-click unsubscribing",
            check=encoded_words,
        ),
        Rule(
            code="D107",
            title="Message-ID is <left@domain> in a domain of ours",
            level=Level.PROVIDER,
            source="RFC 5322 3.6.4; Gmail sender guidelines",
            remedy="send from an address of your own domain",
            check=message_id,
        ),
        Rule(
            code="D108",
            title="Date is the time at which the message is written",
            level=Level.MUST,
            source="RFC 5322 3.6.1",
            remedy="set the clock of this machine",
            check=date,
        ),
        Rule(
            code="D109",
            title="To names the reader and nobody else",
            level=Level.PROVIDER,
            source="Gmail sender guidelines; RFC 5322 3.6.3",
            remedy=_COMPOSING,
            check=one_reader,
        ),
        Rule(
            code="D110",
            title="No display name holds an address",
            level=Level.PROVIDER,
            source="Gmail sender guidelines: do not impersonate",
            remedy="take the address out of the name in newsletter.from or newsletter.reply_to",
            check=sender_name,
        ),
        Rule(
            code="D111",
            title="Addresses are ASCII and no longer than servers take",
            level=Level.MUST,
            source="RFC 5321 4.5.3.1; RFC 5890 2.3.2.1",
            remedy="use a shorter address; write a domain in the form that starts with xn--",
            check=addresses,
        ),
        Rule(
            code="D112",
            title="From and the envelope sender are of one organisation",
            level=Level.PROVIDER,
            source="RFC 9989; Gmail, Yahoo and Microsoft sender guidelines",
            remedy="let bounces go to a domain that is, or is beneath, the one of newsletter.from",
            check=alignment,
        ),
        Rule(
            code="D113",
            title="MIME-Version is 1.0; text names its charset and travels as quoted-printable",
            level=Level.MUST,
            source="RFC 2045 4-6",
            remedy=_COMPOSING,
            check=mime,
        ),
        Rule(
            code="D114",
            title="A strict reader finds no defect",
            level=Level.SHOULD,
            source="RFC 5322 3; RFC 2045 5",
            remedy=_COMPOSING,
            check=defects,
        ),
    ),
)
