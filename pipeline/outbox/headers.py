"""Header fields as bytes: checked, encoded by RFC 2047, folded; URIs are never broken."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final

from pipeline.errors import BroadsheetError

LINE: Final = 76  # characters; RFC 2047 2 asks for it where RFC 5322 would take 78
LONGEST_LINE: Final = 998  # octets without CRLF (RFC 5322 2.1.1)
ENCODED_WORD: Final = 75  # characters (RFC 2047 2)

# Controls end a header or hide in it; embeddings and overrides make it read as something else.
# The marks U+200E, U+200F and U+061C stay: Hebrew and Arabic need them.
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_ENCODED_WORD = re.compile(r"=\?.*\?=")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
# What is clean as it stands; most names of people are.
_COMMON = re.compile(r"[A-Za-z0-9',.-]+(?: [A-Za-z0-9',.-]+)*")
_Q_SAFE = re.compile(rb"[^A-Za-z0-9!*+/-]")  # what a phrase allows (RFC 2047 5 rule 3)


class MessageError(BroadsheetError):
    """A value cannot stand in a message; nothing was written.

    Attributes:
        field: which value, in the words of its owner: "subject", "sender.name", "recipient".
        problem: what is wrong with it and what to do.
    """

    def __init__(self, field: str, problem: str) -> None:
        self.field, self.problem = field, problem
        super().__init__(f"{field}: {problem}")


def clean(field: str, text: str) -> str:
    """Return text that is safe to encode in a header: NFC, single blanks, trimmed.

    Raises:
        MessageError: it holds a control character, or what a mail program would decode.
    """
    if not text or _COMMON.fullmatch(text):
        return text
    if found := _FORBIDDEN.search(text):
        raise MessageError(
            field, f"holds the invisible character U+{ord(found.group()):04X}; remove it"
        )
    if found := _ENCODED_WORD.search(text):
        raise MessageError(
            field,
            f"holds {found.group()!r}, which mail programs take for encoded text; "
            "put a blank between '=' and '?'",
        )
    return re.sub(" +", " ", unicodedata.normalize("NFC", text)).strip(" ")


def legible(text: str) -> str:
    """Return what can be shown of free text, on one line: as `clean`, but it refuses nothing."""
    if not text or _COMMON.fullmatch(text):
        return text
    shown = unicodedata.normalize("NFC", _FORBIDDEN.sub(" ", text))
    return re.sub(" +", " ", shown).strip(" ")


def text_field(name: str, text: str) -> bytes:
    """Encode a field of free text, such as Subject, from cleaned text."""
    words = text.split(" ")
    if _is_plain(text) and len(name) + 2 + len(words[0]) <= LINE and _fit(words):
        return fold(name, words)
    return fold(name, encoded_words(text, first=LINE - len(name) - 2))


def mailbox_field(name: str, display_name: str, address: str) -> bytes:
    """Encode a field of one mailbox, such as From, from a cleaned name and a checked address."""
    # Most readers, without a look at `phrase` and `fold`, which would write the same.
    if not display_name:
        return f"{name}: {address}\r\n".encode("ascii")
    whole = f"{name}: {display_name} <{address}>\r\n"
    if len(whole) - 2 <= LINE and _ATOMS.fullmatch(display_name) and "=?" not in display_name:
        return whole.encode("ascii")
    return fold(name, [*phrase(display_name, first=LINE - len(name) - 2), f"<{address}>"])


def phrase(text: str, *, first: int) -> list[str]:
    """Encode a display name as tokens to fold between; the first has `first` characters."""
    words = text.split(" ")
    if _is_plain(text):
        if _ATOMS.fullmatch(text) and len(words[0]) <= first and _fit(words):
            return words
        quoted = '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
        if len(quoted) <= first:
            return [quoted]
    return encoded_words(text, first=first)


def encoded_words(text: str, *, first: int) -> list[str]:
    """Return encoded words, whole characters each, in the shorter of Q and B (RFC 2047).

    Args:
        text: cleaned.
        first: room for the first word on the line of the field's name; 24 or more.
    """
    return min(
        (_encoded_words(text, encode, first) for encode in (_q_word, _b_word)),
        key=lambda words: sum(map(len, words)),
    )


def fold(name: str, tokens: Sequence[str]) -> bytes:
    """Write a field with its tokens one blank apart, new lines only between them.

    The first token stays on the line of the name, however long: some readers take a field that
    starts with a line end for an empty one.

    Raises:
        MessageError: a token is longer than a line may be.
    """
    lines = [f"{name}: {tokens[0]}"]
    for token in tokens[1:]:
        if len(lines[-1]) + 1 + len(token) <= LINE:
            lines[-1] += f" {token}"
        else:
            lines.append(f" {token}")
    if max(map(len, lines)) > LONGEST_LINE:
        raise MessageError(name, f"does not fit on a line of {LONGEST_LINE} characters")
    return ("\r\n".join(lines) + "\r\n").encode("ascii")


def _is_plain(text: str) -> bool:
    return text.isascii() and "=?" not in text


def _fit(words: Sequence[str]) -> bool:
    return all(len(word) < LINE for word in words)


def _encoded_words(text: str, encode: Callable[[bytes], str], first: int) -> list[str]:
    room = min(first, ENCODED_WORD)
    whole = encode(text.encode())
    if len(whole) <= room:
        return [whole]
    words: list[str] = []
    word, taken = "", b""
    for character in text:
        longer = encode(taken + character.encode())
        if taken and len(longer) > room:
            words.append(word)
            room, taken = ENCODED_WORD, b""
            longer = encode(character.encode())
        word, taken = longer, taken + character.encode()
    return [*words, word]


def _q_word(data: bytes) -> str:
    quoted = _Q_SAFE.sub(lambda match: b"_" if match.group() == b" " else _hex(match), data)
    return f"=?utf-8?q?{quoted.decode('ascii')}?="


def _b_word(data: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(data).decode('ascii')}?="


def _hex(match: re.Match[bytes]) -> bytes:
    return b"=%02X" % match.group()[0]
