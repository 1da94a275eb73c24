from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.senders.smtp.reply import Extensions, Reply, ReplyParser, words_of

STREAM = (
    b"220 sink.example.org ESMTP\r\n"
    b"250-sink.example.org\r\n250-SIZE 1000\r\n250 PIPELINING\r\n"
    b"250\r\n"
    b"550 5.1.1 no such mailbox\n"
)
REPLIES = [
    Reply(220, ("sink.example.org ESMTP",)),
    Reply(250, ("sink.example.org", "SIZE 1000", "PIPELINING")),
    Reply(250, ("",)),
    Reply(550, ("5.1.1 no such mailbox",)),
]


def replies(chunks: list[bytes]) -> list[Reply]:
    """Parse chunks as they come."""
    parser = ReplyParser()
    found = [Reply.of(raw) for chunk in chunks for raw in parser.feed(chunk)]
    assert not parser.pending
    return found


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_replies_do_not_depend_on_how_the_network_cuts(cuts: list[int]) -> None:
    """Several replies in a segment and several segments in a reply read the same."""
    edges = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[start:end] for start, end in pairwise(edges)]

    assert replies(chunks) == REPLIES


@given(st.lists(st.binary(max_size=200), max_size=50))
def test_no_bytes_break_the_parser(chunks: list[bytes]) -> None:
    """Whatever comes is a reply, an incomplete reply, or the end of the connection."""
    parser = ReplyParser()
    for chunk in chunks:
        assert all(200 <= Reply.of(raw).code < 600 for raw in parser.feed(chunk))


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"199 too small\r\n",
        b"600 too big\r\n",
        b"\r\n",
        b"250-one\r\n251 two\r\n",
        b"2" * 5000,
        b"250 " + b"x" * 5000 + b"\r\n",
        b"250-more\r\n" * 101,
    ],
)
def test_what_is_no_reply_ends_the_connection(data: bytes) -> None:
    """Garbage and endless replies are given up within bounded memory."""
    parser = ReplyParser()

    assert parser.feed(data) == []
    assert parser.problem
    assert parser.feed(b"250 too late\r\n") == []


def test_a_reply_cannot_draw_on_the_terminal() -> None:
    """Control characters of a server are replaced, and its words are bounded."""
    parser = ReplyParser()
    (raw,) = parser.feed(b"550 \x1b[2J\xff bell\x07 " + b"x" * 1000 + b"\r\n")
    reply = Reply.of(raw)

    assert reply.text.isprintable()
    assert len(reply.text) == 500


def test_what_precedes_garbage_is_heard() -> None:
    """An acceptance is not forgotten because nonsense follows in the same segment."""
    parser = ReplyParser()

    assert parser.feed(b"250 2.0.0 taken\r\nnonsense\r\n") == [b"250 2.0.0 taken"]
    assert parser.problem


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"250 2.0.0 queued as 4F", "2.0.0 queued as 4F"),
        (b"250 2.0.0 <ADA@example.org> taken", "2.0.0 <...> taken"),
        (b"250-2.0.0 for\n250 ada@example.org", "2.0.0 for ..."),
        (b"250 bell\x07", "bell\N{REPLACEMENT CHARACTER}"),
        (b"250 " + b"x" * 600, "x" * 500),
        (b"250", ""),
    ],
)
def test_the_cheap_way_says_the_same(raw: bytes, words: str) -> None:
    """Words of a reply have no address in them and nothing unprintable, whichever way is taken."""
    assert words_of(raw, "ada@example.org") == words
    assert Reply.of(raw).without("ada@example.org").text == words


@pytest.mark.parametrize(
    ("text", "enhanced"),
    [("5.1.1 no", "5.1.1"), ("5.7.26", "5.7.26"), ("no", ""), ("1.2.3.4 is listed", ""), ("", "")],
)
def test_the_enhanced_code_stands_first(text: str, enhanced: str) -> None:
    """Only a well-formed code at the start of a reply is one."""
    assert Reply(550, (text,)).enhanced == enhanced


def test_extensions_are_read_from_the_lines_after_the_first() -> None:
    """Case does not matter, parameters do, and the greeting offers nothing."""
    reply = Reply(
        250, ("STARTTLS.example.org", "size 1000", "8BITMIME", "AUTH PLAIN login", "DSN")
    )

    assert Extensions.of(reply) == Extensions(
        size=1000, eight_bit=True, dsn=True, auth=frozenset({"PLAIN", "LOGIN"})
    )


@pytest.mark.parametrize("line", ["SIZE", "SIZE 0", "SIZE many"])
def test_a_size_without_a_number_is_no_limit(line: str) -> None:
    """A server may offer SIZE and name no limit."""
    assert Extensions.of(Reply(250, ("host", line))).size is None
