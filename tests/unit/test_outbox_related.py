"""Pictures inside a message: read back by another's parser, byte for byte."""

from __future__ import annotations

from base64 import b64encode
from email import message_from_bytes, policy
from email.message import EmailMessage
from hashlib import sha256
from pathlib import Path
from typing import Final

import dkim  # type: ignore[import-untyped]
import pytest
from msgspec.structs import replace

from pipeline.model.newsletter import Mailbox, Newsletter
from pipeline.model.picture import Picture
from pipeline.model.rendered import MergeSlot, RenderedIssue, TextSlot
from pipeline.outbox.compose import compose
from pipeline.outbox.dkim import DkimSigner
from pipeline.outbox.dkim_key import dns_record, load_key, make_key
from pipeline.outbox.headers import MessageError
from pipeline.outbox.message import Reader

DOMAIN: Final = "news.example.org"
SLOT: Final = MergeSlot.UNSUBSCRIBE_URL.value
NEWSLETTER: Final = Newsletter(
    name="Example Weekly", sender=Mailbox(address=f"weekly@{DOMAIN}", name="Example Weekly")
)
READER: Final = Reader(
    recipient="zoe@example.net", message_id=f"x@{DOMAIN}", unsubscribe_token="AQE", name="Zoë"
)


def picture(stem: str, data: bytes, suffix: str = "png", media_type: str = "image/png") -> Picture:
    """Return an invented picture; nothing here looks into one."""
    name = f"{stem}-{sha256(data).hexdigest()[:8]}.{suffix}"
    return Picture(name=name, data=data, media_type=media_type, width=4, height=2)


# Every byte, line ends and dots among them, and lengths around the 57 bytes of a line.
CRANE: Final = picture("crane", bytes(range(256)) * 5 + b"\r\n.\r\n.")
QUAY: Final = picture("quay", b"\xff" * 57, "jpg", "image/jpeg")
CARD: Final = picture("card", b"only on the site")


def shown(*pictures: Picture) -> str:
    """Return HTML that shows pictures out of the message."""
    images = "".join(f'<img src="cid:{each.name}@{DOMAIN}" alt="">' for each in pictures)
    name = TextSlot("name", "friend").marker
    return f'<p>Gr&#252;&#223;e, {name}</p>{images}<a href="{SLOT}">Unsubscribe</a>\n'


CRANE_BASE64: Final = b64encode(CRANE.data)
RENDERED: Final = RenderedIssue(
    subject="Cranes",
    preheader="",
    mjml="",
    html=shown(QUAY, CRANE, CRANE),
    text=f"Grüße\n{SLOT}\n",
    pictures=(CARD, CRANE, QUAY),
)


def sent(rendered: RenderedIssue, reader: Reader = READER) -> bytes:
    """Return the message of one reader."""
    return compose(rendered, NEWSLETTER, entry_id="091").fill(reader, dated_at=0)


def parsed(message: bytes) -> EmailMessage:
    """Parse strictly: any defect is raised."""
    found = message_from_bytes(message, policy=policy.SMTP.clone(raise_on_defect=True))
    assert isinstance(found, EmailMessage)
    return found


def test_the_message_is_a_tree_that_mail_programs_know() -> None:
    """Text, or HTML with its pictures: multipart/related inside multipart/alternative."""
    tree = [part.get_content_type() for part in parsed(sent(RENDERED)).walk()]

    assert tree == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "image/jpeg",
    ]


def test_the_related_part_says_what_its_root_is() -> None:
    """Its type is text/html, and its boundary is not that of the message (RFC 2387 3.1)."""
    message = parsed(sent(RENDERED))
    related = list(message.walk())[2]

    assert related.get_param("type") == "text/html"
    assert related.get_boundary() != message.get_boundary()
    assert related.preamble is None
    assert not (related.epilogue or "").strip()


def test_each_picture_comes_back_byte_for_byte() -> None:
    """Under the name the HTML uses, shown in place, with a name to save it by."""
    parts = [
        part for part in parsed(sent(RENDERED)).walk() if part.get_content_maintype() == "image"
    ]

    for part, original in zip(parts, (CRANE, QUAY), strict=True):
        assert part.get_payload(decode=True) == original.data
        assert part["Content-ID"] == f"<{original.name}@{DOMAIN}>"
        assert part.get_content_disposition() == "inline"
        assert part.get_filename() == original.name
        assert part["Content-Transfer-Encoding"] == "base64"
        assert f'src="cid:{part["Content-ID"][1:-1]}"' in RENDERED.html


def test_what_the_html_does_not_show_stays_at_home() -> None:
    """The picture of social networks is for the site; a linked one is no weight in the mail."""
    message = sent(RENDERED)

    assert CARD.name.encode() not in message
    assert b"multipart/related" not in sent(replace(RENDERED, html=f"<p>{SLOT}</p>"))


def test_without_attached_pictures_the_message_is_as_it_always_was() -> None:
    """Pictures on the site change no byte."""
    linked = replace(RENDERED, html=f'<img src="https://{DOMAIN}/images/091/{CRANE.name}">{SLOT}')

    assert sent(linked) == sent(replace(linked, pictures=()))


def test_gaps_are_where_they_were() -> None:
    """Words and links of the reader are filled, and pictures are constant bytes."""
    template = compose(RENDERED, NEWSLETTER, entry_id="091")
    bare = compose(replace(RENDERED, pictures=()), NEWSLETTER, entry_id="091")
    html = list(parsed(sent(RENDERED)).walk())[3].get_content()

    assert [gap for _, gap in template.gaps] == [gap for _, gap in bare.gaps]
    assert [slot for _, *slot in template.texts] == [slot for _, *slot in bare.texts]
    assert html.replace("\r\n", "\n") == shown(QUAY, CRANE, CRANE).replace(
        SLOT, "https://news.example.org/u/AQE"
    ).replace(TextSlot("name", "friend").marker, "Zo&#235;")


def test_the_bytes_are_plain() -> None:
    """7 bits, CRLF alone, lines of at most 76 in pictures, and none that starts with a dot."""
    message = sent(RENDERED)

    assert message.isascii()
    assert message.count(b"\r") == message.count(b"\n") == message.count(b"\r\n")
    lines = message.split(b"\r\n")
    assert max(map(len, lines)) <= 78
    assert not any(line.startswith(b".") for line in lines)


def test_the_same_issue_gives_the_same_message() -> None:
    """Boundaries are derived and not drawn."""
    assert sent(RENDERED) == sent(RENDERED)
    assert sent(RENDERED) != sent(replace(RENDERED, text=f"Other words\n{SLOT}\n"))


def test_a_signature_covers_pictures(tmp_path: Path) -> None:
    """Another's verifier believes the message, and not with one byte of a picture changed."""
    make_key(tmp_path / "rsa.pem")
    key = load_key(tmp_path / "rsa.pem", "s1")
    record = dns_record(key, DOMAIN).value.encode()
    signed = DkimSigner([key], DOMAIN).sign(sent(RENDERED))
    line = CRANE_BASE64[:76]
    assert line in signed

    assert dkim.verify(signed, dnsfunc=lambda *_, **__: record)
    changed = signed.replace(line, line[::-1])
    assert not dkim.verify(changed, dnsfunc=lambda *_, **__: record)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 56, 57, 58, 113, 114, 115])
def test_any_length_of_picture_comes_back(length: int) -> None:
    """Base64 ends on each of its three remainders, at the end of a line and behind it."""
    crane = picture("crane", b"\xfb" * length)

    message = parsed(sent(replace(RENDERED, html=shown(crane) + SLOT, pictures=(crane,))))

    assert list(message.walk())[-1].get_payload(decode=True) == crane.data


@pytest.mark.parametrize(
    "name",
    ["a b.png", 'x";y=".png', "x\r\nBcc: eve@example.net.png", "Größe.png", "x>.png", "a/b.png"],
)
def test_a_name_that_is_not_plain_is_refused(name: str) -> None:
    """Headers are not repaired: whoever makes pictures gives them plain names."""
    bad = replace(CRANE, name=name)

    with pytest.raises(MessageError):
        sent(replace(RENDERED, html=shown(bad) + SLOT, pictures=(bad,)))
