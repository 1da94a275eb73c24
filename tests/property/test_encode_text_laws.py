"""Laws of the quoted-printable encoder, whatever the text and the values."""

from __future__ import annotations

import quopri
import re

from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.rendered import MergeSlot
from pipeline.outbox.encode import quoted_printable, slot_value

MARKER = MergeSlot.UNSUBSCRIBE_URL.value

LETTERS = st.text(
    st.one_of(
        st.sampled_from(list(" \t=.-_é—“😀\u200dFrom m<>&'\"{}09~")),
        st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"),
    ),
    max_size=200,
)
LINES = st.lists(
    st.one_of(
        LETTERS,
        st.sampled_from(["", ".", "..", ".\t", " ", "From here", "=", "=20", "-" * 200]),
        st.builds(lambda a, b: a + MARKER + b, LETTERS, LETTERS),
        st.just(MARKER * 2),
    ),
    max_size=8,
)
TEXTS = LINES.map("\n".join)
VALUES = LETTERS


def filled(text: str, value: str) -> bytes:
    """Encode a text and put a value into each of its slots."""
    return b"".join(
        segment if isinstance(segment, bytes) else slot_value(value)
        for segment in quoted_printable(text)
    )


@given(TEXTS, VALUES)
def test_a_decoder_gets_the_text_with_the_values_in_it(text: str, value: str) -> None:
    """Encoding in segments and joining is the same as encoding the whole text."""
    decoded = quopri.decodestring(filled(text, value)).decode().replace("\r\n", "\n")

    assert decoded == text.replace(MARKER, value)


@given(TEXTS, VALUES)
def test_lines_are_short_and_safe_to_carry(text: str, value: str) -> None:
    """No line is over 76 octets, ends in a blank, or starts with a dot or "From "."""
    lines = filled(text, value).split(b"\r\n")

    assert max(map(len, lines)) <= 76
    assert not [line for line in lines if line.endswith((b" ", b"\t"))]
    assert not [line for line in lines if line.startswith((b".", b"From "))]


@given(TEXTS, VALUES)
def test_only_plain_characters_are_left(text: str, value: str) -> None:
    """What travels is printable ASCII, tabs, and CR and LF only together."""
    encoded = filled(text, value)

    assert not re.search(rb"[^\t\r\n -~]|\r(?!\n)|(?<!\r)\n", encoded)


@given(TEXTS, VALUES, VALUES)
def test_filling_moves_nothing(text: str, one: str, other: str) -> None:
    """The bytes around a slot are the same whatever fills it."""
    first, second = filled(text, one), filled(text, other)
    constants = [part for part in quoted_printable(text) if isinstance(part, bytes)]

    for encoded in (first, second):
        assert encoded.startswith(constants[0])
        assert encoded.endswith(constants[-1])
    assert len(first) - len(second) == (len(constants) - 1) * (
        len(slot_value(one)) - len(slot_value(other))
    )


@given(TEXTS)
def test_a_slot_is_alone_between_soft_breaks(text: str) -> None:
    """A value starts at column 0 and ends in a soft break."""
    segments = quoted_printable(text)

    for number, segment in enumerate(segments):
        if isinstance(segment, MergeSlot):
            before, after = segments[number - 1], segments[number + 1]
            assert isinstance(before, bytes)
            assert isinstance(after, bytes)
            assert not before or before.endswith(b"\r\n")
            assert after.startswith(b"=\r\n")
