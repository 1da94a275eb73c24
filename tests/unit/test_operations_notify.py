from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.message import EmailMessage

import pytest
from msgspec.structs import replace

from pipeline import plugins
from pipeline.audience.secrets import Keys
from pipeline.audience.tokens import Action, Tokens
from pipeline.delivery.lock import DispatchLock
from pipeline.delivery.report import Stop
from pipeline.model.subscriber import MAIN, ListId, SubscriberState, SuppressionReason
from pipeline.operations.notify import Notified, notice_message_id
from pipeline.senders.eml import Eml, EmlSession
from pipeline.testing.plan import At, Plan, Rule, cut_at_dot, greylist, refuse
from pipeline.testing.sink import SmtpSink
from tests.unit.consent_desk import ADA, ADA_NORMALISED, NOW, Desk

HARBOUR = ListId(1)
LINK = re.compile(r"https://quay\.example\.org/([cudpe])/([A-Za-z0-9_-]{32})")


def relay(desk: Desk, sink: SmtpSink) -> None:
    """Let notices leave through a server."""
    desk.sender = plugins.load("senders", "smtp")({"host": sink.host, "port": sink.port})


def mails(desk: Desk) -> list[EmailMessage]:
    """Return what the `eml` sender wrote."""
    files = sorted((desk.folder / "sent").glob("*.eml"))
    return [
        email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files
    ]


def text(mail: EmailMessage) -> str:
    """Return the plain text of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    content: str = body.get_content()
    return content


def test_a_question_carries_its_link_and_nothing_of_who_asked(desk: Desk) -> None:
    """No name, no way out of what nobody is in, no answer from a robot."""
    desk.form(ADA, "main", "harbour", name="Buy pills at spam.example")

    assert desk.send_notices() == Notified(sent=1)

    (mail,) = mails(desk)
    assert mail["To"] == ADA
    assert mail["From"] == "The Quay <quay@example.org>"
    assert mail["Subject"] == "Please confirm: The Quay, Harbour news"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] is None
    assert mail["Date"].datetime == NOW
    assert "pills" not in mail.as_string()
    ((letter, token),) = LINK.findall(text(mail))
    assert letter == "c"
    assert Tokens(desk.keys).read(token, moment_of=lambda _: NOW).action is Action.CONFIRM
    html = mail.get_body(("html",))
    assert html is not None
    assert set(LINK.findall(html.get_content())) == {(letter, token)}


def test_a_welcome_has_the_way_out(desk: Desk) -> None:
    """One click, as every mail to somebody subscribed (RFC 8058)."""
    desk.form(ADA, "harbour")
    id_ = desk.subscribers.find(ADA_NORMALISED)
    assert id_ is not None
    desk.confirm(desk.token(Action.CONFIRM, id_, HARBOUR))
    desk.send_notices()

    (mail,) = (each for each in mails(desk) if each["Subject"].startswith("You are"))
    ((letter, token),) = LINK.findall(mail["List-Unsubscribe"])
    assert (letter, mail["List-Unsubscribe-Post"]) == ("u", "List-Unsubscribe=One-Click")
    assert Tokens(desk.keys).read(token) == (Action.UNSUBSCRIBE, id_, HARBOUR)
    assert {letter for letter, _ in LINK.findall(text(mail))} == {"p", "u"}


def test_a_mail_is_in_the_language_of_its_reader(desk: Desk) -> None:
    """One without a catalogue is in English."""
    for language in ("de-AT", "fr", "es", "pl", "ja", "fi"):
        desk.form(f"{language}@example.org", language=language)

    assert desk.send_notices().sent == 6

    subjects = {mail["To"]: mail["Subject"] for mail in mails(desk)}
    assert subjects == {
        "de-AT@example.org": "Bitte bestätigen: The Quay",
        "fr@example.org": "Veuillez confirmer : The Quay",
        "es@example.org": "Por favor, confirme: The Quay",
        "pl@example.org": "Prosimy o potwierdzenie: The Quay",
        "ja@example.org": "ご確認ください：The Quay",
        "fi@example.org": "Please confirm: The Quay",
    }


def test_a_retry_is_the_same_message(desk: Desk) -> None:
    """Greylisted, then taken: dated when it was tried first, and named after no newer key."""
    desk.form()
    with SmtpSink(Plan(rules=(greylist(1),))) as sink:
        relay(desk, sink)
        first = desk.send_notices()
        assert first.sent == 0
        assert "@" not in str(first.failures)
        (waiting,) = desk.notices.due(desk.now + timedelta(minutes=5))
        name = notice_message_id(desk.keys, waiting, "example.org")
        desk.keys = Keys((b"k" * 32, b"n" * 32))
        assert desk.send_notices() == Notified()  # not due yet
        desk.wait(minutes=5)
        assert desk.send_notices().sent == 1

    (taken,) = sink.messages
    assert taken.message_id == f"<{name}>"
    assert f"Date: {NOW:%a, %d %b %Y %H:%M:%S} +0000".encode() in taken.data
    assert taken.bare_line_ends == 0


def test_an_outage_blames_nobody(desk: Desk) -> None:
    """The notice waits as it was; attempts are not counted."""
    with SmtpSink() as sink:
        relay(desk, sink)
    desk.form()
    desk.form("bob@example.org")

    done = desk.send_notices()

    assert done.sent == 0
    assert len(done.failures) == 1
    assert [each.attempt for each in desk.notices.due(desk.now)] == [1, 1]


def test_who_is_refused_is_not_tried_again(desk: Desk) -> None:
    """The next person is."""
    desk.form()
    desk.form("bob@example.org")
    with SmtpSink(Plan(rules=(refuse("Ada@*"),))) as sink:
        relay(desk, sink)
        assert desk.send_notices().sent == 1
        assert desk.send_notices() == Notified()

    assert [each.recipient for each in sink.messages] == ["bob@example.org"]


def test_what_nobody_answered_is_sent_again_under_its_name(desk: Desk) -> None:
    """Two of them are better than none, and the mailbox can tell that they are one."""
    desk.form()
    with SmtpSink(Plan(rules=(cut_at_dot(keep=True),))) as sink:
        relay(desk, sink)
        desk.send_notices()
        assert desk.send_notices().sent == 1

    assert len(sink.messages) == 2
    assert len({each.message_id for each in sink.messages}) == 1
    assert len({each.sha256 for each in sink.messages}) == 1


@pytest.mark.parametrize("reason", list(SuppressionReason))
def test_nobody_suppressed_gets_anything_but_what_they_asked_for(
    desk: Desk, reason: SuppressionReason
) -> None:
    """A question, their data, their erasure; and that only if their word could lift it."""
    id_ = desk.enrol()
    for kind in ("welcome", "disclose", "erase", "confirm"):
        desk.notices.add(kind, id_, MAIN, desk.now)
    desk.suppress(reason)

    desk.send_notices()

    lifted = {SuppressionReason.UNSUBSCRIBED, SuppressionReason.BOUNCED, SuppressionReason.ERASED}
    assert {mail["Subject"] for mail in mails(desk)} == (
        {"Please confirm: The Quay", "Your data at The Quay", "Erase your data at The Quay?"}
        if reason in lifted
        else set()
    )
    assert desk.pending_notices() == []


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("confirm", SubscriberState.ACTIVE),
        ("confirm", SubscriberState.UNSUBSCRIBED),
        ("welcome", SubscriberState.UNSUBSCRIBED),
        ("goodbye", SubscriberState.ACTIVE),
    ],
)
def test_a_notice_that_is_no_longer_true_is_dropped(
    desk: Desk, kind: str, state: SubscriberState
) -> None:
    """Whoever changed their mind before it left is not told the old one."""
    id_ = desk.enrol()
    if state is SubscriberState.UNSUBSCRIBED:
        desk.unsubscribe(desk.token(Action.UNSUBSCRIBE, id_))
    desk.notices.add(kind, id_, MAIN, desk.now)

    assert desk.send_notices() == Notified()
    assert mails(desk) == []
    assert desk.pending_notices() == []


@pytest.mark.parametrize(("kind", "hours"), [("disclose", 24), ("erase", 24), ("confirm", 72)])
def test_a_link_that_has_expired_is_not_sent(desk: Desk, kind: str, hours: int) -> None:
    """After a long outage a dead link helps nobody."""
    if kind == "confirm":
        desk.form()
    else:
        desk.notices.add(kind, desk.enrol(), MAIN, desk.now)
    desk.wait(hours=hours, seconds=1)

    assert desk.send_notices() == Notified()
    assert mails(desk) == []


def test_two_clocks_do_not_send_one_notice(desk: Desk) -> None:
    """Whoever comes second leaves it to the first."""
    desk.form()
    with DispatchLock(desk.notify.lock):
        assert desk.send_notices() == Notified()

    assert desk.send_notices().sent == 1


def test_it_stops_when_asked(desk: Desk) -> None:
    """Between two messages."""
    desk.form()

    assert desk.notify(lambda: Stop.DRAIN, desk.now) == Notified()
    assert desk.send_notices().sent == 1


def test_an_address_that_no_header_can_carry_is_refused(desk: Desk) -> None:
    """An old row that nobody checked; the others get theirs."""
    desk.form()
    desk.form("bob@example.org")
    with desk.database.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE subscriber SET address = ? WHERE address = ?", ("a\r\nBcc: b@example.org", ADA)
        )

    assert desk.send_notices().sent == 1
    assert [mail["To"] for mail in mails(desk)] == ["bob@example.org"]


def test_signatures_are_put_before_it(desk: Desk) -> None:
    """As before every other mail."""
    desk.form()
    signed = replace(desk.notify, sign=lambda message: b"DKIM-Signature: x\r\n" + message)

    signed(lambda: Stop.NO, desk.now)

    (mail,) = mails(desk)
    assert mail["DKIM-Signature"] == "x"


def test_what_a_person_does_while_others_are_written_to_holds(desk: Desk) -> None:
    """Erased, complained, left: each notice is judged when its turn comes."""
    people = [desk.enrol(f"p{number}@example.org") for number in range(5)]
    for id_ in people:
        desk.notices.add("welcome", id_, MAIN, desk.now)
    spool = Eml(desk.folder / "sent")

    class Slow:
        """A sender during whose first message a lot happens."""

        happened = False

        @contextmanager
        def open(self) -> Iterator[EmlSession]:
            """See `ports.Sender`."""
            with spool.open() as session:
                if not self.happened:
                    self.happened = True
                    desk.erase.by_address("p1@example.org")
                    desk.suppress(SuppressionReason.COMPLAINED, "p2@example.org")
                    desk.unsubscribe(desk.token(Action.UNSUBSCRIBE, people[3]))
                yield session

    desk.sender = Slow()

    assert desk.send_notices().sent == 2
    assert {mail["To"] for mail in mails(desk)} == {"p0@example.org", "p4@example.org"}
    assert desk.pending_notices() == []


def test_a_line_cut_at_one_recipient_holds_nobody_else_up(desk: Desk) -> None:
    """That notice is put off and counts an attempt; it is no outage, as the server is there."""
    desk.form()
    for number in range(3):
        desk.form(f"good{number}@example.org")
    with SmtpSink(
        Plan(rules=(Rule(at=At.RCPT, reply=b"", recipient="Ada@*", drop=True),))
    ) as sink:
        relay(desk, sink)
        done = desk.send_notices()

    assert done.sent == 3
    assert len(done.failures) == 1
    assert "@" not in str(done.failures)
    assert desk.pending_notices() == []
    (waiting,) = desk.notices.due(desk.now + timedelta(days=1))
    assert (waiting.address, waiting.attempt) == (ADA, 2)
