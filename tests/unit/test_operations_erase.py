from __future__ import annotations

import sqlite3
from base64 import b64encode
from contextlib import closing, suppress
from datetime import timedelta

import pytest

from pipeline.audience.address import AddressError
from pipeline.audience.tokens import Action
from pipeline.errors import StorageError
from pipeline.feedback.sources.keep import mentions
from pipeline.model.subscriber import MAIN, SubscriberId, SubscriberState, SuppressionReason
from pipeline.operations.bearer import Mailed
from pipeline.storage.engine import open_database
from pipeline.storage.standing import Confirmed
from tests.unit.consent_desk import ADA, ADA_NORMALISED, Desk

BODY = b"Subject: x\r\nContent-Transfer-Encoding: %s\r\n\r\n%s\r\n"


def test_a_link_is_mailed_and_works_for_a_day(desk: Desk, ada: SubscriberId) -> None:
    """A preferences link alone erases nobody; looking at the mailed one does not, either."""
    early = desk.token(Action.ERASE, ada)
    assert not desk.erase(early)
    assert desk.erase.ask(desk.token(Action.PREFERENCES, ada))
    assert desk.pending_notices() == [("erase", MAIN)]
    link = desk.token(Action.ERASE, ada)
    assert not desk.erase(early)
    desk.wait(hours=24)
    before = desk.rows()
    view = desk.erase.look(link)
    assert view is not None
    assert (view.address, view.expired) == ("A…@example.org", False)
    assert desk.rows() == before
    desk.wait(seconds=1)
    view = desk.erase.look(link)
    assert view is not None
    assert view.expired

    assert not desk.erase(link)
    assert desk.rows() == before


def test_who_is_erased_is_gone_and_stays_blocked(desk: Desk, ada: SubscriberId) -> None:
    """The button works once; an import does not bring them back."""
    desk.erase.ask(desk.token(Action.PREFERENCES, ada))
    link = desk.token(Action.ERASE, ada)

    assert desk.erase(link)

    assert not desk.erase(link)
    assert desk.erase.look(link) is None
    assert desk.subscribers.find(ADA_NORMALISED) is None
    assert desk.suppressions.reason(ADA_NORMALISED) is SuppressionReason.ERASED
    assert desk.pending_notices() == []
    assert "ada@" not in str(desk.rows()).lower()


def test_only_their_own_word_brings_them_back_as_somebody_new(
    desk: Desk, ada: SubscriberId
) -> None:
    """Double opt-in lifts it; links of the old person open nothing of the new one."""
    desk.erase.by_address(ADA)
    desk.form()
    new = desk.subscribers.find(ADA_NORMALISED)
    assert new is not None
    assert new != ada

    assert desk.confirm(desk.token(Action.CONFIRM, new)) is Confirmed.CONFIRMED
    assert desk.suppressions.reason(ADA_NORMALISED) is None
    desk.unsubscribe(desk.token(Action.UNSUBSCRIBE, ada), everything=True)
    assert desk.state(new) is SubscriberState.ACTIVE
    assert desk.prefer.look(desk.token(Action.PREFERENCES, ada)) is None


def test_a_complaint_outlives_erasure(desk: Desk, ada: SubscriberId) -> None:
    """What only an operator lifts stays so."""
    assert ada
    desk.suppress(SuppressionReason.COMPLAINED)

    assert desk.erase.by_address(ADA)

    assert desk.suppressions.reason(ADA_NORMALISED) is SuppressionReason.COMPLAINED


def test_the_command_says_whether_there_was_anybody(desk: Desk, ada: SubscriberId) -> None:
    """In any letter case; what is no address is refused."""
    assert ada
    assert not desk.erase.by_address("bob@example.org")
    assert desk.erase.by_address("ADA@EXAMPLE.ORG")
    assert not desk.erase.by_address(ADA)
    with pytest.raises(AddressError):
        desk.erase.by_address("ada")


def test_mails_that_hold_the_address_are_deleted_and_no_others(
    desk: Desk, ada: SubscriberId
) -> None:
    """Those of the `eml` sender and kept feedback, in folders inside, too; links are not followed."""
    assert ada
    kept = desk.folder / "kept" / "new"
    kept.mkdir(parents=True)
    (desk.folder / "sent").mkdir()
    outside = desk.folder / "outside.eml"
    outside.write_bytes(b"To: ada@example.org\r\n")
    for name in ("sent/1.eml", "kept/new/2"):
        (desk.folder / name).write_bytes(b"To: <ADA@example.ORG>\r\n\r\n")
    (desk.folder / "sent" / "3.eml").write_bytes(b"To: xada@example.net\r\n\r\n")
    (kept / "link").symlink_to(outside)

    desk.erase.by_address(ADA)

    left = {file.name for file in desk.folder.rglob("*") if not file.is_dir()}
    assert left >= {"3.eml", "outside.eml", "link"}
    assert left.isdisjoint({"1.eml", "2"})


def test_what_a_reader_holds_up_is_wiped_later(desk: Desk, ada: SubscriberId) -> None:
    """They are erased at once; the file is rewritten when nobody has it open."""
    assert ada
    desk.database.close()
    impatient = open_database(desk.folder / "broadsheet.db", busy_timeout=timedelta())
    desk.database = impatient
    with closing(sqlite3.connect(desk.folder / "broadsheet.db")) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM subscriber").fetchone()
        with suppress(StorageError):  # in WAL mode only the wipe has to wait
            assert desk.erase.by_address(ADA)
            with pytest.raises(StorageError):
                desk.erase.finish()
    desk.erase.by_address(ADA)

    desk.erase.finish()

    assert b"ada@" not in (desk.folder / "broadsheet.db").read_bytes().lower()


@pytest.mark.parametrize(
    "mail",
    [
        b"To: Ada@Example.org\r\n\r\n",
        b"X: http://example.net/?for=ada%40example.org\r\n\r\n",
        b"X: a\r\n\r\nada=40example.org",
        b"X: a\r\n\r\nada@exam=\r\nple.org",
        BODY % (b"base64", b64encode(b"Final-Recipient: rfc822; ada@example.org")),
        BODY % (b"quoted-printable", b"ada=40example=2Eorg"),
    ],
)
def test_an_address_is_found_in_every_encoding_of_a_mail(mail: bytes) -> None:
    """As it stands, percent-encoded, quoted-printable, base64."""
    assert mentions(mail, ADA)


def test_hostile_mails_stop_no_erasure() -> None:
    """What nobody can parse is looked at as it stands."""
    assert not mentions(b"", ADA)
    assert not mentions(b"Content-Type: multipart/mixed; boundary=\xff\r\n\r\n\xff\xfe", ADA)
    assert mentions(b"Content-Type: text/plain; charset=\x00\r\n\r\n\xffada@example.org", ADA)


def test_an_old_link_does_not_answer_a_later_question(desk: Desk, ada: SubscriberId) -> None:
    """Whoever got hold of one mail needs the newest."""
    desk.erase.ask(desk.token(Action.PREFERENCES, ada))
    old = desk.token(Action.ERASE, ada)
    desk.wait(hours=25)
    desk.erase.ask(desk.token(Action.PREFERENCES, ada))

    assert desk.erase.look(old) is None
    assert not desk.erase(old)
    assert desk.erase(desk.token(Action.ERASE, ada))


@pytest.mark.parametrize("reason", list(SuppressionReason))
def test_who_must_not_be_written_to_is_told_so(
    desk: Desk, ada: SubscriberId, reason: SuppressionReason
) -> None:
    """No page says "look into your mailbox" where nothing comes."""
    desk.suppress(reason)

    answer = desk.erase.ask(desk.token(Action.PREFERENCES, ada))

    blocked = reason in {SuppressionReason.COMPLAINED, SuppressionReason.MANUAL}
    assert answer is (Mailed.BLOCKED if blocked else Mailed.MAILED)
    assert desk.send_notices().sent == (0 if blocked else 1)
