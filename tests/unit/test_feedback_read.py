from __future__ import annotations

import pytest

from pipeline.feedback import read
from pipeline.model.feedback import Feedback, FeedbackKind
from tests.unit.feedback_mails import (
    AWAY,
    CHALLENGE,
    EXCHANGE,
    EXIM,
    GMAIL,
    MESSAGE_ID,
    POSTFIX,
    QMAIL,
    SILENT,
    TOKEN,
    VERP,
    YAHOO,
    complaint,
    failed,
    letter,
    note,
    report,
)

ANN = "ann@example.net"


def only(raw: bytes) -> Feedback:
    """Return the one verdict of a mail."""
    (verdict,) = read(raw)
    return verdict


@pytest.mark.parametrize(
    ("raw", "detector", "kind"),
    [
        (EXIM, "words", FeedbackKind.HARD),
        (QMAIL, "words", FeedbackKind.HARD),
        (EXCHANGE, "words", FeedbackKind.HARD),
        (POSTFIX, "words", FeedbackKind.MAILBOX),
        (YAHOO, "words", FeedbackKind.HARD),
        (GMAIL, "words", FeedbackKind.DELAYED),
        (AWAY, "auto_reply", FeedbackKind.AUTO_REPLY),
        (CHALLENGE, "challenge", FeedbackKind.CHALLENGE),
        (complaint(), "arf", FeedbackKind.COMPLAINT),
        (failed("5.1.1"), "dsn", FeedbackKind.HARD),
        (letter("unsubscribe"), "unsubscribe", FeedbackKind.UNSUBSCRIBE),
    ],
)
def test_each_format_has_its_reader(raw: bytes, detector: str, kind: FeedbackKind) -> None:
    """Who wrote it, what it says and of whom is found in every format."""
    verdict = only(raw)

    assert (verdict.detector, verdict.kind) == (detector, kind)
    assert (verdict.recipient or "").lower() == ANN
    assert verdict.machine_readable == (detector in {"arf", "dsn"})


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("failed", "5.1.1", FeedbackKind.HARD),
        ("failed", "5.2.2", FeedbackKind.MAILBOX),
        ("failed", "5.7.26", FeedbackKind.SENDER_FAULT),
        ("failed", "4.4.7", FeedbackKind.TRANSIENT),
        ("delayed", "4.4.1", FeedbackKind.DELAYED),
        ("relayed", "2.1.9", FeedbackKind.DELIVERED),
        ("delivered", "2.0.0", FeedbackKind.DELIVERED),
        ("failed", "5.0.0", FeedbackKind.UNKNOWN),
    ],
)
def test_a_notification_says_it_by_action_and_status(
    action: str, status: str, kind: FeedbackKind
) -> None:
    """A delay and a success are no failures, whatever their status."""
    assert only(failed(status, action=action)).kind is kind


def test_a_generic_status_gives_way_to_the_one_in_the_words() -> None:
    """A relay that writes 5.0.0 repeats what it was told beside it."""
    verdict = only(failed("5.0.0", "550-5.7.1 this message is likely unsolicited mail"))

    assert (verdict.kind, verdict.status) == (FeedbackKind.SENDER_FAULT, "5.7.1")


def test_each_recipient_of_a_notification_has_a_verdict() -> None:
    """Blocks of one report are told apart, and one that comes twice counts once."""
    ann = "Final-Recipient: rfc822; ann@example.net\nAction: failed\nStatus: 5.1.1\n"
    bob = "Final-Recipient: rfc822; bob@example.net\nAction: relayed\nStatus: 2.0.0\n"

    verdicts = read(report(f"{ann}\n{bob}\n{ann}"))

    assert [(each.recipient, each.kind) for each in verdicts] == [
        ("ann@example.net", FeedbackKind.HARD),
        ("bob@example.net", FeedbackKind.DELIVERED),
    ]


def test_the_original_recipient_is_who_we_wrote_to() -> None:
    """Of a forwarded mail the report names both; we know the original one."""
    block = "Original-Recipient: rfc822;ann@example.net\nFinal-Recipient: rfc822;x@y.example.net"

    assert only(report(f"{block}\nAction: failed\nStatus: 5.1.1\n")).recipient == ANN


def test_an_enclosed_report_is_not_about_this_mail() -> None:
    """A report inside what was returned does not replace the one that returns it."""
    inner = failed("5.1.1").decode()
    outer = report("Final-Recipient: rfc822; bob@example.org\nAction: failed\nStatus: 4.2.2\n")
    raw = outer.decode().replace("Dear reader, hello.\n", f"Dear.\n--sep/1\n\n{inner}")

    assert {each.recipient for each in read(raw.encode())} == {"bob@example.org"}


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("abuse", FeedbackKind.COMPLAINT),
        ("fraud", FeedbackKind.COMPLAINT),
        ("opt-out", FeedbackKind.UNSUBSCRIBE),
        ("auth-failure", FeedbackKind.SENDER_FAULT),
        ("not-spam", FeedbackKind.DELIVERED),
        ("unheard-of", FeedbackKind.COMPLAINT),
    ],
)
def test_a_complaint_is_of_its_type(type_: str, kind: FeedbackKind) -> None:
    """Not everything in the format of complaints is one; what is unknown counts as one."""
    assert only(complaint(type_)).kind is kind


@pytest.mark.parametrize("prefix", ["", "Re: ", "unsubscribe ", "AW: RE: "])
def test_a_subject_may_be_a_token(prefix: str) -> None:
    """The mailto of List-Unsubscribe puts the token there; it is the first candidate."""
    verdict = only(letter(f"{prefix}{TOKEN}"))

    assert (verdict.kind, verdict.tokens) == (FeedbackKind.UNSUBSCRIBE, (TOKEN,))


@pytest.mark.parametrize("subject", ["Lovely issue", "", "Re:", "How do I unsubscribe?"])
def test_a_persons_mail_is_no_feedback(subject: str) -> None:
    """What people write is left for people to read."""
    assert read(letter(subject, "Thank you, it was not delivered by accident.")) == ()


def test_a_robots_answer_to_an_unsubscribe_address_is_no_wish() -> None:
    """An absent person's robot repeats the subject it answers to."""
    answer = letter(f"Re: {TOKEN}", more="Auto-Submitted: auto-replied\n")

    assert only(answer).kind is FeedbackKind.AUTO_REPLY


def test_a_bounce_that_nobody_reads_is_still_one() -> None:
    """A mail without a way back came from a machine: it is unknown, and not lost."""
    verdict = only(SILENT)

    assert (verdict.kind, verdict.detector) == (FeedbackKind.UNKNOWN, "plain")


def test_candidates_come_in_the_order_of_their_worth() -> None:
    """Whom the mail was sent to comes before what it quotes."""
    verdict = only(failed("5.1.1"))

    assert verdict.tokens == (VERP, TOKEN)
    assert verdict.message_ids == (MESSAGE_ID,)


def test_candidates_are_found_in_prose() -> None:
    """A header returned as text holds what a returned message holds."""
    verdict = only(QMAIL.replace(VERP.encode(), b"someone"))

    assert verdict.tokens == (TOKEN,)
    assert verdict.message_ids == (MESSAGE_ID,)


def test_servers_may_write_local_parts_in_capitals() -> None:
    """The candidate is in the case that ours have."""
    raw = failed("5.1.1").replace(VERP.encode(), VERP.upper().encode())

    assert only(raw).tokens[0] == VERP


def test_another_lists_mail_has_no_token_of_ours() -> None:
    """A bounce that quotes somebody else's mail names no candidate."""
    raw = (
        note("<ann@example.net>: 550 user unknown\n\n--- Original message ---\n\n")
        .replace(VERP.encode(), b"bounces+ann=example.net")
        .rstrip()
    )
    raw += (
        b"\nMessage-ID: <1@lists.example.net>\nList-Unsubscribe: <https://other.example.com/x>\n"
    )

    verdict = only(raw)

    assert verdict.tokens == ()
    assert verdict.message_ids == ("1@lists.example.net",)


def test_the_words_of_our_own_subject_say_nothing() -> None:
    """A newsletter about spam and quotas bounces like any other."""
    assert only(EXCHANGE).kind is FeedbackKind.HARD


def test_flufl_knows_what_we_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its detectors are asked last, and whatever they raise is no error of ours."""
    raw = note(
        "Unknown user: ann@example.net", subject="Report", more="X-Mailer: <SMTP32 v8.22>\n"
    )

    assert (only(raw).detector, only(raw).recipient) == ("flufl", ANN)

    def fail(message: object) -> None:
        raise IndexError(message)

    monkeypatch.setattr("flufl.bounce.all_failures", fail)
    assert only(raw).detector == "plain"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_ends_do_not_matter(end: bytes) -> None:
    """A mail is the same with the line ends of any system."""
    assert read(failed("5.1.1").replace(b"\n", end)) == read(failed("5.1.1"))


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_transfer_encodings_are_undone(encoding: str) -> None:
    """Prose may come encoded, in a charset, as HTML."""
    import base64
    import quopri

    html = "<p>Ihre Nachricht an <b>ann@example.net</b> konnte nicht … user&nbsp;unknown</p>"
    octets = html.encode("cp1252")
    body = base64.encodebytes(octets) if encoding == "base64" else quopri.encodestring(octets)
    head = note("", subject="Delivery failure").split(b"Content-Type")[0]
    raw = (
        head
        + (
            f"Content-Type: text/html; charset=windows-1252\nContent-Transfer-Encoding: {encoding}\n\n"
        ).encode()
    )

    verdict = only(raw + body)

    assert (verdict.recipient, verdict.kind) == (ANN, FeedbackKind.HARD)
    assert "…" in verdict.reply
