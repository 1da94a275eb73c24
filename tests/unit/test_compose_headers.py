"""Header text: what is refused, and how the rest is written."""

from __future__ import annotations

import pytest

from pipeline.outbox.headers import (
    MessageError,
    clean,
    fold,
    mailbox_field,
    phrase,
    text_field,
)

FORBIDDEN = [
    *map(chr, range(0x20)),
    *map(chr, range(0x7F, 0xA0)),
    *"\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    "\ud800",
    "\udfff",
]


@pytest.mark.parametrize("character", FORBIDDEN, ids=lambda c: f"U+{ord(c):04X}")
def test_an_invisible_character_is_refused_by_name(character: str) -> None:
    """The error names the field and the character; nothing is silently removed."""
    with pytest.raises(MessageError) as caught:
        clean("subject", f"before{character}after")

    assert caught.value.field == "subject"
    assert f"U+{ord(character):04X}" in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "=?utf-8?q?=0ABcc=3A_x@example.org?=",
        "hello =?utf-8?b?Zm9v?= there",
        "=??=",
        "=?a?=\N{NO-BREAK SPACE}",
    ],
)
def test_text_that_mail_programs_would_decode_is_refused(text: str) -> None:
    """An encoded word in author text has been a way to write a second header."""
    with pytest.raises(MessageError, match="encoded text"):
        clean("subject", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  a   b ", "a b"),
        ("e\u0301", "é"),
        ("a\N{NO-BREAK SPACE}b", "a\N{NO-BREAK SPACE}b"),
        ("שלום\u200f (x)", "שלום\u200f (x)"),
        ("", ""),
    ],
)
def test_other_text_is_normalised(text: str, expected: str) -> None:
    """NFC, single blanks, trimmed; the marks of right-to-left scripts stay."""
    assert clean("subject", text) == expected


def test_half_an_encoded_word_is_encoded() -> None:
    """No reader has to guess what "=?" begins."""
    assert text_field("Subject", "why =? not") == b"Subject: =?utf-8?q?why_=3D=3F_not?=\r\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Käse aus Holland", b"Subject: =?utf-8?q?K=C3=A4se_aus_Holland?=\r\n"),
        ("日本語", b"Subject: =?utf-8?b?5pel5pys6Kqe?=\r\n"),
        ("Plain words", b"Subject: Plain words\r\n"),
        ("", b"Subject: \r\n"),
        (
            "x" * 80,
            b"Subject: =?utf-8?q?" + b"x" * 55 + b"?=\r\n =?utf-8?q?" + b"x" * 25 + b"?=\r\n",
        ),
    ],
)
def test_the_shorter_encoding_is_chosen(text: str, expected: bytes) -> None:
    """Q for mostly Latin text, B for other scripts, none where none is needed."""
    assert text_field("Subject", text) == expected


def test_long_plain_text_is_folded_at_blanks() -> None:
    """A fold adds a line end and nothing else."""
    field = text_field("Subject", " ".join(["twelve chars"] * 12))

    assert field.count(b"\r\n") > 1
    assert field.replace(b"\r\n", b"") == b"Subject: " + b" ".join([b"twelve chars"] * 12)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Example Weekly", b"From: Example Weekly <a@example.org>\r\n"),
        ("Evil, Inc", b'From: "Evil, Inc" <a@example.org>\r\n'),
        ('Say "hi" \\', b'From: "Say \\"hi\\" \\\\" <a@example.org>\r\n'),
        ("b@example.net", b'From: "b@example.net" <a@example.org>\r\n'),
        ("Zoë", b"From: =?utf-8?q?Zo=C3=AB?= <a@example.org>\r\n"),
        ("", b"From: a@example.org\r\n"),
    ],
)
def test_a_display_name_never_becomes_an_address(name: str, expected: bytes) -> None:
    """Atoms stay, specials are quoted, the rest is encoded."""
    assert mailbox_field("From", name, "a@example.org") == expected


def test_a_name_too_long_to_quote_is_encoded() -> None:
    """A quoted string is not folded, so a long one becomes encoded words that are."""
    assert phrase("Letters, papers and numbers. " * 4, first=66)[0].startswith("=?")


def test_a_uri_is_never_broken() -> None:
    """A long URI goes on a line of its own, whole; one beyond the limit is refused."""
    uri = f"<https://example.org/{'x' * 300}>"

    assert fold("List-Unsubscribe", ["<https://example.org/u>,", uri]) == (
        f"List-Unsubscribe: <https://example.org/u>,\r\n {uri}\r\n".encode()
    )
    with pytest.raises(MessageError, match="998"):
        fold("List-Unsubscribe", ["x" * 990])
