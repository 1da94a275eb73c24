from __future__ import annotations

import pytest

from pipeline.feedback.words import code_in, kind_of, one_line, status_in
from pipeline.model.feedback import FeedbackKind

HARD, MAILBOX, TRANSIENT, SENDER, UNKNOWN = (
    FeedbackKind.HARD,
    FeedbackKind.MAILBOX,
    FeedbackKind.TRANSIENT,
    FeedbackKind.SENDER_FAULT,
    FeedbackKind.UNKNOWN,
)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("5.1.1", HARD),
        ("5.1.2", HARD),
        ("5.1.3", HARD),
        ("5.1.6", HARD),
        ("5.1.10", HARD),
        ("5.1.8", SENDER),
        ("5.2.1", MAILBOX),
        ("5.2.2", MAILBOX),
        ("4.2.2", MAILBOX),
        ("5.3.4", SENDER),
        ("5.4.4", TRANSIENT),
        ("5.4.7", TRANSIENT),
        ("5.6.1", SENDER),
        ("5.7.1", SENDER),
        ("5.7.515", SENDER),
        ("5.7.13", MAILBOX),
        ("4.4.1", TRANSIENT),
        ("4.1.1", TRANSIENT),
        ("4.7.1", TRANSIENT),
        ("5.0.0", UNKNOWN),
        ("2.0.0", FeedbackKind.DELIVERED),
    ],
)
def test_a_status_has_its_kind(status: str, kind: FeedbackKind) -> None:
    """Only a wrong address is hard; 5.x.x by itself is not."""
    assert kind_of(status, "") is kind


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("550 user unknown", HARD),
        ("No such user here", HARD),
        ("550 Requested action not taken: mailbox unavailable", HARD),
        ("recipient address rejected: Access denied", HARD),
        ("unknown host", HARD),
        ("The recipient name is not recognized", HARD),
        ("Mailbox does not exist", HARD),
        ("552 Quota exceeded", MAILBOX),
        ("the user's mailbox is full", MAILBOX),
        ("This account is over quota", MAILBOX),
        ("this account has been disabled or discontinued", MAILBOX),
        ("mailbox is inactive", MAILBOX),
        ("554 rejected for policy reasons", SENDER),
        ("blocked using zen.dnsbl.example.org, listed in RBL", SENDER),
        ("message size exceeds fixed limit", SENDER),
        ("Relaying denied", SENDER),
        ("SPF check failed", SENDER),
        ("connection timed out", TRANSIENT),
        ("greylisted, try again in 5 minutes", TRANSIENT),
        ("554 Too many hops", TRANSIENT),
        ("Host not found, try again", TRANSIENT),
        ("it is what it is", UNKNOWN),
    ],
)
def test_words_decide_without_a_status(words: str, kind: FeedbackKind) -> None:
    """Where no status is given, or a generic one, the words say it."""
    assert kind_of(None, words) is kind
    if kind is not UNKNOWN:
        assert kind_of("5.0.0", words) is kind


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        ("5.1.1", "mailbox full", MAILBOX),
        ("5.1.1", "message looks like spam", SENDER),
        ("5.1.1", "user unknown", HARD),
        ("5.7.1", "user unknown", SENDER),
        ("5.4.1", "Recipient address rejected: Access denied", HARD),
        ("5.3.0", "No such user", HARD),
        ("5.2.0", "", MAILBOX),
        ("4.0.0", "user unknown", TRANSIENT),
        ("4.7.0", "DKIM signature did not verify", SENDER),
    ],
)
def test_words_may_soften_a_status_and_never_harden_ours(
    status: str, words: str, kind: FeedbackKind
) -> None:
    """Of two readings the one that keeps the reader holds, but where the status is generic."""
    assert kind_of(status, words) is kind


def test_a_code_alone_says_whether_it_may_pass() -> None:
    """A 4xx without a word is nobody's fault, a 5xx without a word nobody can read."""
    assert kind_of(None, "", code=450) is TRANSIENT
    assert kind_of(None, "", code=550) is UNKNOWN


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("550 5.1.1 unknown", "5.1.1"),
        ("mailbox (#5.2.2)", "5.2.2"),
        ("5.0.0 ... 550 5.7.1 no", "5.7.1"),
        ("from 4.1.2.3 by Sendmail 8.9.3", None),
        ("version v5.1.1", None),
        ("2.0.0 OK", None),
        ("", None),
    ],
)
def test_a_status_is_told_from_other_numbers(text: str, status: str | None) -> None:
    """Addresses and versions have dots, too; a telling status is preferred."""
    assert status_in(text) == status


@pytest.mark.parametrize(
    ("text", "code"), [("said: 550 no", 550), ("#452: later", 452), ("in 1550 parts", None)]
)
def test_a_reply_code_is_found(text: str, code: int | None) -> None:
    """Only what refuses is a code here."""
    assert code_in(text) == code


def test_a_reply_is_one_line_without_controls() -> None:
    """What a stranger's server says is shown in terminals and kept in a row."""
    assert one_line("550 no\r\n  \x1b[2Jhere\x00 " + "x" * 600) == "550 no [2Jhere " + "x" * 485
