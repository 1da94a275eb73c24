"""Addresses, message ids, URIs and tokens: what may stand in a header unescaped."""

from __future__ import annotations

from contextlib import suppress

import pytest

from pipeline.outbox.headers import MessageError
from pipeline.outbox.identifiers import address, message_id, token, uri


@pytest.mark.parametrize(
    "text",
    [
        "a@example.org",
        "first.last+tag@mail.example.org",
        "o'neil@example.org",
        "{x}|~!#$%&*/=^_`-@example.org",
        "u@xn--bcher-kva.example",
        f"{'a' * 64}@example.org",
        "u@localhost",
    ],
)
def test_plain_addresses_are_kept_as_they_are(text: str) -> None:
    """Nothing is lower-cased, stripped or repaired."""
    assert address("recipient", text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "@example.org",
        "a@",
        "a@b@example.org",
        "a@example.org, b@example.net",
        "a@example.org\r\nBcc: b@example.net",
        "a@example.org>\r\nRCPT TO:<b@example.net",
        "a@example.org\n",
        "a@example.org\0",
        "@relay.example:a@example.org",
        "A <a@example.org>",
        "<a@example.org>",
        '"a b"@example.org',
        "a(comment)@example.org",
        "a@[127.0.0.1]",
        ".a@example.org",
        "a.@example.org",
        "a..b@example.org",
        " a@example.org",
        "a@example..org",
        "a@-example.org",
        "a@example.org.",
        "a@exa_mple.org",
        "=?utf-8?q?=0ABcc=3Ab?=@example.org",
        f"{'a' * 65}@example.org",
        f"a@{'b' * 64}.example.org",
        f"a@{'.'.join(['b' * 60] * 5)}.org",
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    """Each has been a way to write to somebody else, or to nobody."""
    with pytest.raises(MessageError) as caught:
        address("recipient", text)

    assert caught.value.field == "recipient"
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("u@bücher.example", "xn--"),
        ("u@example.org\u200b", "xn--"),
        ("jürgen@example.org", "before the @"),
        ("jürgen@bücher.example", "before the @"),
    ],
)
def test_an_address_that_is_not_ascii_is_refused_with_a_remedy(text: str, remedy: str) -> None:
    """A domain has an ASCII form; a local part has none."""
    with pytest.raises(MessageError, match=remedy):
        address("recipient", text)


def test_a_message_id_comes_without_brackets() -> None:
    """Brackets are ours to write; anything that could close them early is refused."""
    assert message_id("91.aZ-9_@news.example.org") == "91.aZ-9_@news.example.org"
    for text in ("<a@example.org>", "a", "a b@example.org", "a@example.org>", "a@e.org\r\nX: y"):
        with pytest.raises(MessageError):
            message_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/u/x",
        "//news.example.org/u",
        "ftp://news.example.org",
        "javascript:alert(1)",
        "https://news.example.org/a b",
        "https://news.example.org/a\r\nBcc: b",
        "https://news.example.org/<x>",
        "https://news.example.org/ü",
        'https://news.example.org/"',
        "https://news.example.org/=?utf-8?q?x?=",
        "https://news.example.org/" + "x" * 900,
    ],
)
def test_a_uri_that_does_not_fit_angle_brackets_is_refused(text: str) -> None:
    """Only whole ASCII web addresses stand in List-Unsubscribe."""
    with pytest.raises(MessageError):
        uri("unsubscribe_url", text)


def test_a_token_needs_no_escaping() -> None:
    """The alphabet of base64url and little more."""
    assert token("t", "AQEAAAHiQAAHWRMDcOAa7gIMMKocoLRrbQ") == "AQEAAAHiQAAHWRMDcOAa7gIMMKocoLRrbQ"
    for text in ("", "a b", "a&body=x", "a%0d", "ü", "x" * 201, "a\n"):
        with pytest.raises(MessageError):
            token("t", text)


def test_an_address_of_a_page_has_visible_ascii_and_no_delimiters() -> None:
    """Of the first 70,000 characters exactly those are taken that need no quoting in a header."""
    taken = set()
    for number in range(70_000):
        with suppress(MessageError):
            taken.add(uri("Archived-At", f"https://example.org/{chr(number)}")[-1])

    assert taken == {chr(code) for code in range(0x21, 0x7F)} - set('<>"\\^`{|}')
