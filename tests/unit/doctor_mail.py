"""A message that every rule likes, and the ways to spoil it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from quopri import encodestring
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec.structs import replace

from pipeline.doctor.mail import Mail
from pipeline.doctor.signature import PublicKey
from pipeline.doctor.signing import SignedMail
from pipeline.model.newsletter import Newsletter
from pipeline.outbox.dkim import DkimSigner
from pipeline.outbox.dkim_key import DkimKey

NOW: Final = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
READER: Final = "ada@example.net"
OUT: Final = "https://news.example.org/u/AQEAAAHiQAAHWRMDcOAa7gIMMKocoLRr"
NEWSLETTER: Final = Newsletter(name="Example Weekly", postal_address="1 Quay Street\nPort Town")
HEAD: Final = f"""\
Date: Fri, 20 Nov 2026 08:00:00 +0000
From: Example Weekly <newsletter@news.example.org>
To: Ada <{READER}>
Subject: What the tide tables say
Message-ID: <91.k7Qk2mP9b3J1@news.example.org>
List-Id: Example Weekly <newsletter.news.example.org>
List-Unsubscribe: <{OUT}>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
List-Archive: <https://news.example.org/>
List-Post: NO
Feedback-ID: 91:newsletter:newsexampleorg
Precedence: bulk
MIME-Version: 1.0
Content-Type: multipart/alternative;
 boundary="=_fence"
"""
TEXT: Final = f"""\
Cranes stand still: https://example.org/cranes
Leave: {OUT}
1 Quay Street
Port Town
"""
HTML: Final = f"""\
<!DOCTYPE html><html lang="en"><head><title>What the tide tables say</title></head><body>
<p><a href="#top">Up</a> <a href="https://example.org/cranes">Cranes stand still</a></p>
<img src="https://example.org/crane.png" width="600" alt="A crane">
<p><a href="{OUT}">Leave</a></p><p>1 Quay Street<br>Port Town</p></body></html>
"""


def raw(head: str = HEAD, text: str = TEXT, html: str = HTML) -> bytes:
    """Return the bytes of a message with these parts."""
    parts = "".join(
        f"--=_fence\nContent-Type: {kind}; charset=utf-8\n"
        f"Content-Transfer-Encoding: quoted-printable\n\n"
        f"{encodestring(content.encode()).decode('ascii')}\n"
        for kind, content in (("text/plain", text), ("text/html", html))
    )
    return f"{head}\n{parts}--=_fence--\n".replace("\n", "\r\n").encode()


GOOD: Final = Mail(
    raw=raw(),
    newsletter=NEWSLETTER,
    reader=READER,
    envelope_domain="news.example.org",
    now=NOW,
)


def head(old: str, new: str) -> Mail:
    """Return the good message with something else in its header."""
    assert old in HEAD
    return replace(GOOD, raw=raw(head=HEAD.replace(old, new)))


def html(old: str, new: str) -> Mail:
    """Return the good message with something else in its HTML part."""
    assert old in HTML
    return replace(GOOD, raw=raw(html=HTML.replace(old, new)))


def text(old: str, new: str) -> Mail:
    """Return the good message with something else in its text part."""
    assert old in TEXT
    return replace(GOOD, raw=raw(text=TEXT.replace(old, new)))


def body(old: bytes, new: bytes) -> Mail:
    """Return the good message with other bytes somewhere."""
    assert old in GOOD.raw
    return replace(GOOD, raw=GOOD.raw.replace(old, new))


@lru_cache
def rsa_key(bits: int = 2048) -> RSAPrivateKey:
    """Return a key made for the tests."""
    return generate_private_key(public_exponent=65537, key_size=bits)


def dkim_key(bits: int = 2048, selector: str = "s1") -> DkimKey:
    """Return an RSA key as the outbox has it."""
    private = rsa_key(bits)
    return DkimKey(
        selector,
        "rsa-sha256",
        private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        lambda data: private.sign(data, PKCS1v15(), SHA256()),
    )


@lru_cache
def small_key(selector: str = "s2") -> DkimKey:
    """Return an Ed25519 key as the outbox has it."""
    from hashlib import sha256

    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return DkimKey(
        selector, "ed25519-sha256", public, lambda data: private.sign(sha256(data).digest())
    )


def signed(
    *keys: DkimKey,
    domain: str = "news.example.org",
    changed: Callable[[bytes], bytes] = lambda message: message,
) -> SignedMail:
    """Return the good message, signed, and changed afterwards."""
    used = keys or (dkim_key(), small_key())
    message = changed(DkimSigner(used, domain).sign(GOOD.raw))
    return SignedMail(
        mail=replace(GOOD, raw=message),
        keys={key.selector: PublicKey(key.algorithm, key.public) for key in used},
    )


def swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Return what puts other bytes into a message."""

    def changed(message: bytes) -> bytes:
        assert old in message
        return message.replace(old, new, 1)

    return changed


SPOILED: Final[dict[str, list[Any]]] = {
    "D101": [
        head("Subject:", "From: b@news.example.org\nSubject:"),
        head("Message-ID: <91.k7Qk2mP9b3J1@news.example.org>\n", ""),
        head("Precedence", "subject: again\nPrecedence"),
    ],
    "D102": [
        body(b"Cranes stand", b"Cranes\nstand"),
        body(b"Cranes stand", b"Cranes\rstand"),
        body(b"Cranes stand", b"Cranes\0stand"),
    ],
    "D103": [head("Subject: What", f"Subject: What {'x' * 999}")],
    "D104": [head("Subject: What", f"Subject: What {'and what ' * 9}")],
    "D105": [
        head("Precedence: bulk", "no field at all"),
        head("Precedence: bulk", "Prec\u00e9dence: bulk"),
        head("tide tables", "tide t\u00e4bles"),
    ],
    "D106": [
        head(f"<{OUT}>", "=?utf-8?q?=3Chttps=3A//news=2Eexample=2Eorg=3E?="),
        head("What the", f"=?utf-8?q?{'x' * 80}?= the"),
        head("newsletter@news", "=?utf-8?q?news?=@news"),
    ],
    "D107": [
        head("<91.k7Qk2mP9b3J1@news.example.org>", "91.k7"),
        head("J1@news.example.org", "J1@relay.example.com"),
    ],
    "D108": [
        head("Fri, 20 Nov 2026", "soon"),
        head("Fri, 20 Nov 2026 08", "Sat, 21 Nov 2026 08"),
        head(" +0000", " -0000"),
    ],
    "D109": [
        head(f"<{READER}>", f"<{READER}>, <bo@example.net>"),
        head(f"Ada <{READER}>", "undisclosed-recipients:;"),
        head("Subject:", "Cc: bo@example.net\nSubject:"),
        head("Subject:", "Bcc: bo@example.net\nSubject:"),
    ],
    "D110": [head("Example Weekly <newsletter", '"ceo@example.com" <newsletter')],
    "D111": [head("newsletter@news", f"{'n' * 65}@news")],
    "D112": [
        replace(GOOD, envelope_domain="relay.example.com"),
        head("<newsletter@news.example.org>", "<newsletter@example.com>"),
    ],
    "D113": [
        head("MIME-Version: 1.0\n", ""),
        body(b"; charset=utf-8", b""),
        body(b"quoted-printable", b"base64"),
        body(b"Cranes", b"C" * 77),
    ],
    "D114": [body(b"--=_fence--", b""), head("Example Weekly <news", "Example [Weekly <news")],
    "D201": [
        head(f"List-Unsubscribe: <{OUT}>\n", ""),
        head(f"<{OUT}>", OUT),
        head(f"<{OUT}>", f"<{OUT}>, <{OUT}>"),
        head(f"<{OUT}>", f"<{OUT.replace('https', 'http')}>"),
        head(f"<{OUT}>", "<mailto:out@news.example.org>"),
        head("List-Post", f"List-Unsubscribe: <{OUT}>\nList-Post"),
    ],
    "D202": [
        head("List-Unsubscribe-Post: List-Unsubscribe=One-Click\n", ""),
        head("=One-Click", "=one-click"),
    ],
    "D203": [
        head("<https://news.example.org/u/", "<https://track.example.com/u/"),
        head(f"<{OUT}>", "<https://news.example.org/u/1234>"),
        head(f"<{OUT}>", f"<{OUT}?who={READER}>"),
    ],
    "D204": [
        head("List-Id: Example Weekly <newsletter.news.example.org>\n", ""),
        head("<newsletter.news.example.org>", "newsletter"),
        head("List-Id: Example Weekly", f"List-Id: {'Example ' * 40}"),
    ],
    "D205": [
        head("List-Post: NO", "List-Post: <mailto:all@news.example.org>"),
        head("List-Archive: <https://news.example.org/>\n", ""),
        head("<https://news.example.org/>", "https://news.example.org/"),
    ],
    "D206": [head("Precedence: bulk\n", "")],
    "D207": [
        head("91:newsletter:newsexampleorg", "1:2:3:4:newsexampleorg"),
        head("91:newsletter:newsexampleorg", "91:newsletter:abcd"),
        head("91:newsletter:newsexampleorg", "weekly:weekly:newsexampleorg"),
        head("91:newsletter:newsexampleorg", "91:ada:newsexampleorg"),
        head("Precedence", "Feedback-ID: b:newsexampleorg\nPrecedence"),
    ],
    "D301": [
        head("multipart/alternative", "multipart/mixed"),
        body(b"text/plain", b"text/html"),
        replace(GOOD, raw=GOOD.raw.replace(b"=_fence", b"=_" + b"f" * 70)),
    ],
    "D302": [
        text("https://example.org/cranes", "(see the web)"),
        text("Leave:", "https://example.org/only-in-text\nLeave:"),
    ],
    "D303": [
        text(f"Leave: {OUT}", "Leave"),
        html(f'<a href="{OUT}">Leave</a>', "Leave"),
        head(f"<{OUT}>", "<mailto:out@news.example.org>"),
    ],
    "D304": [
        text("1 Quay Street", ""),
        html("Port Town", ""),
        replace(GOOD, newsletter=replace(NEWSLETTER, postal_address=" ")),
    ],
    "D305": [
        html('width="600"', 'width="1" height="1"'),
        html('width="600"', 'width="0"'),
        html('width="600"', 'style="width:1px;height:1px"'),
        html('width="600"', 'style="DISPLAY : none"'),
    ],
    "D306": [html("<title>What", "<title>Once"), html("<title>", "<title>x")],
    "D307": [
        html("</body>", "<script>1</script></body>"),
        html("</body>", "<form action=x></form></body>"),
        html('width="600"', 'onload="x()"'),
    ],
    "D401": [signed(domain="example.com"), SignedMail(mail=GOOD, keys={})],
    "D402": [
        signed(changed=swap(b"Cranes", b"Planes")),
        signed(changed=swap(b"Subject: What", b"Subject: Why")),
        signed(changed=swap(b"List-Unsubscribe: <https", b"List-Unsubscribe: <http")),
        replace(signed(), keys={}),
        replace(signed(dkim_key()), keys={"s1": PublicKey("rsa-sha256", b"no key")}),
    ],
    "D403": [
        signed(dkim_key(), changed=lambda raw: raw.replace(b"list-unsubscribe-post", b"x")),
        SignedMail(mail=GOOD, keys={}),
    ],
    "D404": [
        signed(dkim_key(), changed=lambda raw: raw.replace(b":from:", b":x:")),
        signed(
            dkim_key(), changed=lambda raw: raw.replace(b"h=from:", b"h=").replace(b":from", b"")
        ),
        signed(dkim_key(), changed=swap(b" s=s1;", b" s=s1; l=5;")),
    ],
    "D405": [
        signed(dkim_key(1024)),
        signed(small_key()),
        signed(dkim_key(), changed=swap(b"a=rsa-sha256", b"a=rsa-sha1")),
    ],
}
