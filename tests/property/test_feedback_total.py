from __future__ import annotations

import time
import tracemalloc
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.feedback import read
from pipeline.feedback.mime import DEEPEST, MOST_BYTES, MOST_PARTS, parse
from pipeline.model.feedback import FeedbackKind
from tests.unit.feedback_mails import SAMPLES
from tests.unit.feedback_mutator import mutants

LONGEST_S: Final = 5.0

# Each is a megabyte that some pattern, a recursion or a copy could choke on.
BOMBS: Final = {
    "brackets": b"From: " + b"(" * MOST_BYTES,
    "one line": b"From: mailer-daemon@example.net\nSubject: failed mail\n\n" + b"a" * MOST_BYTES,
    "tags": b"From: postmaster@example.net\nContent-Type: text/html\n\n"
    + b"<a" * (MOST_BYTES // 2),
    "ats": b"From: <>\nSubject: delivery failure\n\n" + b"a@a." * (MOST_BYTES // 4),
    "dots": b"From: <>\nSubject: delivery failure\n\n" + b"a@" + b"a." * (MOST_BYTES // 2),
    "recipients": b"From: <>\nSubject: undeliverable\n\n" + b"ann@example.net\n" * 60_000,
    "status": b"Content-Type: message/delivery-status\n\n" + b"Action: failed\n\n" * 60_000,
    "fields": b"To: ann@example.net\n" * 50_000,
    "folds": b"To:" + b"\n a" * 300_000,
    "words": b"From: <>\nSubject: mail failure\n\n" + b"mailbox is not a user " * 45_000,
    "spaces": b"From: <>\nSubject: mail failure\n\n" + b" " * MOST_BYTES,
    "encoded words": b"Subject: " + b"=?utf-8?q?=41?= " * 60_000,
    "parts": b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\n" * 200_000,
    "messages": b"Content-Type: message/rfc822\n\n" * 30_000,
    "nests": b"".join(
        b"Content-Type: multipart/mixed; boundary=%06d\n\n--%06d\n" % (n, n) for n in range(16_000)
    ),
    "quotes": b"From: <>\nContent-Type: multipart/mixed; " + b';a="' * 200_000,
    "dividers": b"From: <>\nSubject: mail failure\n\nann@example.net\n" + b"-" * MOST_BYTES,
    "message ids": b"References: " + b"<a" * (MOST_BYTES // 2) + b"\n\n",
    "punycode": b"From: <>\nContent-Type: text/plain; charset=punycode\n\n" + b"a-9b" * 250_000,
    "idna": b"From: <>\nContent-Type: text/plain; charset=idna\n\n" + b"xn--a." * 170_000,
    "base64": b"From: <>\nContent-Transfer-Encoding: base64\n\n" + b"QUFB" * 260_000,
    "lines": b"From: <>\nSubject: mail failure\n\n" + b"a@b.example.org\n" * 60_000,
    "addresses": b"From: " + b"ann@example.net, " * 60_000,
    "received": b"To: " + b"b-" * 500_000,
    "blocks": b"Content-Type: message/delivery-status\n\n"
    + b"Final-Recipient: rfc822; a@b.example.org\n\n" * 25_000,
    "nothing": b"",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_read_in_time_and_memory(name: str) -> None:
    """No megabyte takes a reader seconds or more than a hundred of its like."""
    tracemalloc.start()
    started = time.process_time()

    read(BOMBS[name])

    took = time.process_time() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert took < LONGEST_S
    assert peak < 100 * MOST_BYTES


@given(st.binary(max_size=2000))
def test_any_bytes_are_read(raw: bytes) -> None:
    """The reader is total, and its verdicts hold what their fields promise."""
    for verdict in read(raw):
        assert verdict.kind in FeedbackKind
        assert len(verdict.reply) <= 500
        assert verdict.reply.isprintable()


@given(st.lists(st.sampled_from(SAMPLES), min_size=1, max_size=30), st.integers(0, 40))
def test_the_tree_is_bounded(mails: list[bytes], depth: int) -> None:
    """However mails are put into one another, parts and depth stay in their bounds."""
    raw = b"".join(b"--x\nContent-Type: message/rfc822\n\n" + mail for mail in mails)
    for level in range(depth):
        raw = b"Content-Type: multipart/mixed; boundary=y%d\n\n--y%d\n" % (level, level) + raw
    raw = b"Content-Type: multipart/mixed; boundary=x\n\n" + raw

    parts = list(parse(raw).walk())

    assert len(parts) <= MOST_PARTS + 1
    assert _depth(raw) <= DEEPEST


def _depth(raw: bytes) -> int:
    level, depth = [parse(raw)], 0
    while level := [inner for part in level for inner in part.parts]:
        depth += 1
    return depth


def _hold(number: int, seed: int) -> None:
    for mail in mutants(SAMPLES, number, seed=seed):
        started = time.process_time()
        read(mail)
        assert time.process_time() - started < LONGEST_S, mail[:200]


def test_damaged_mails_are_read() -> None:
    """Two thousand damaged mails raise nothing, and none takes seconds."""
    _hold(2000, seed=91)


@pytest.mark.integration
def test_many_damaged_mails_are_read() -> None:
    """Ten thousand damaged mails raise nothing, and none takes seconds."""
    _hold(10_000, seed=19)


def test_parts_of_parts_are_counted() -> None:
    """A hundred parts of a hundred parts are a hundred parts."""
    inner = b"Content-Type: multipart/mixed; boundary=y\n\n" + b"--y\n\nhello\n" * 90
    raw = b"Content-Type: multipart/mixed; boundary=x\n\n" + (b"--x\n" + inner) * 90

    assert len(list(parse(raw).walk())) <= MOST_PARTS
