"""Laws of header fields: what is written is what is read, on lines every server takes."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.headerregistry import Address

from hypothesis import assume, given, reject
from hypothesis import strategies as st

from pipeline.outbox.headers import (
    MessageError,
    clean,
    encoded_words,
    mailbox_field,
    phrase,
    text_field,
)

TEXTS = st.text(
    st.one_of(
        st.sampled_from(list(' =?_,;:.<>@()[]"\\éß—“😀\u200d日本aZ09')),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=300,
)
WORDS = st.lists(st.text("abcXYZ019.,!-=?", min_size=1, max_size=120), max_size=20).map(" ".join)


def cleaned(text: str) -> str:
    """Return text that a header takes, or give the example up."""
    try:
        return clean("field", text)
    except MessageError:
        reject()


def decoded(field: bytes) -> str:
    """Decode a field as RFC 2047 says, unfolded first."""
    value = field.decode("ascii").partition(":")[2].replace("\r\n", "").strip()
    return str(make_header(decode_header(value)))


@given(st.one_of(TEXTS, WORDS))
def test_a_subject_is_read_as_it_was_written(text: str) -> None:
    """Folding and encoding lose nothing, for the letter of RFC 2047 and for Python's parser."""
    subject = cleaned(text)
    field = text_field("Subject", subject)

    assert decoded(field) == subject
    assert str(message_from_bytes(field + b"\r\n", policy=policy.default)["Subject"]) == subject


@given(st.one_of(TEXTS, WORDS))
def test_lines_of_a_subject_are_short(text: str) -> None:
    """No line is over 76 characters, none is blank, every one but the first starts with one."""
    first, *rest = text_field("Subject", cleaned(text)).split(b"\r\n")[:-1]

    assert max(map(len, [first, *rest])) <= 76
    assert all(line.startswith(b" ") and line.strip() for line in rest)


@given(TEXTS, st.integers(24, 75))
def test_encoded_words_hold_whole_characters(text: str, first: int) -> None:
    """Each is at most 75 characters and decodes alone."""
    words = encoded_words(text, first=first)

    assert len(words[0]) <= max(first, 24)
    assert max(map(len, words)) <= 75
    assert "".join(str(make_header(decode_header(word))) for word in words) == text


@given(TEXTS, st.sampled_from(["From", "To", "Reply-To"]))
def test_a_mailbox_is_one_address_with_that_name(text: str, name: str) -> None:
    """No display name makes a second address or another one."""
    display_name = cleaned(text)
    field = mailbox_field(name, display_name, "a.reader@example.org")

    parsed = message_from_bytes(field + b"\r\n", policy=policy.default)
    addresses: tuple[Address, ...] = parsed[name].addresses
    assert [address.addr_spec for address in addresses] == ["a.reader@example.org"]
    assert not parsed[name].defects
    assert len(field.split(b"\r\n")[0]) <= 76


@given(TEXTS)
def test_a_display_name_is_read_as_it_was_written(text: str) -> None:
    """Atoms, a quoted string or encoded words: the tokens say the name and nothing else."""
    name = cleaned(text)
    assume(name)

    written = " ".join(phrase(name, first=66))

    if "=?" in written:
        assert str(make_header(decode_header(written))) == name
    elif written.startswith('"'):
        assert re.sub(r"\\(.)", r"\1", written[1:-1]) == name
    else:
        assert written == name


@given(st.text(max_size=60))
def test_nothing_gets_a_second_header(text: str) -> None:
    """Any text at all is refused or stays inside its field."""
    try:
        field = text_field("Subject", clean("subject", text))
    except MessageError:
        return

    parsed = message_from_bytes(field + b"\r\nbody", policy=policy.default)
    assert parsed.keys() == ["Subject"]
    assert parsed.get_content() == "body"
