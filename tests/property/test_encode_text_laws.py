"""Laws of the quoted-printable encoder, whatever the text and the values."""

from __future__ import annotations

import quopri
import re

from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.rendered import MARKER as MARKERS
from pipeline.model.rendered import MergeSlot, TextSlot, slot
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
        if not isinstance(segment, bytes):
            before, after = segments[number - 1], segments[number + 1]
            assert isinstance(before, bytes)
            assert isinstance(after, bytes)
            assert not before or before.endswith(b"\r\n")
            assert after.startswith(b"=\r\n")


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(WORDS.filter(bool), WORDS)
def test_a_marker_says_what_it_stands_for(key: str, fallback: str) -> None:
    """Key and fallback come back whole, from letters and digits that no step of rendering touches."""
    text = TextSlot(key, fallback)

    assert text.marker.isascii()
    assert text.marker.isalnum()
    assert MARKERS.fullmatch(text.marker)
    assert slot(text.marker) == text


@given(LETTERS, st.lists(st.tuples(WORDS.filter(bool), WORDS), max_size=4), LETTERS)
def test_markers_are_found_among_any_text(
    before: str, texts: list[tuple[str, str]], after: str
) -> None:
    """Side by side or apart, each is found, and nothing around them is taken for one."""
    slots = [TextSlot(*each) for each in texts]
    written = before + MARKER.join(each.marker for each in slots) + after

    found = [segment for segment in quoted_printable(written) if isinstance(segment, TextSlot)]

    assert found == slots


def test_every_marker_contains_a_merge_slot() -> None:
    """So a file of an author that holds one is refused (E010), whatever its key."""
    assert MergeSlot.READER_TEXT.value in TextSlot("town").marker
    assert {MARKERS.fullmatch(each.value) is None for each in MergeSlot} == {False, True}
