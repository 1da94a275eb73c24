from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from pipeline.audience.secrets import Keys
from pipeline.audience.tokens import (
    Action,
    ReturnPath,
    Tokens,
    address_hasher,
    message_id,
)
from pipeline.feedback import read
from pipeline.feedback.policy import FeedbackRules
from pipeline.model.delivery import DeliveryId, DeliveryStatus, Settled
from pipeline.model.dispatch import DispatchId
from pipeline.model.entry import EntryId
from pipeline.model.feedback import FeedbackKind
from pipeline.model.moment import microseconds
from pipeline.model.subscriber import Consent, SubscriberId, SubscriberState, SuppressionReason
from pipeline.operations.hear import Hear, Heard
from pipeline.storage.dispatches import Dispatches
from pipeline.storage.engine import Database, open_database
from pipeline.storage.feedbacks import Feedbacks
from pipeline.storage.ledger import SqlLedger
from pipeline.storage.standing import NewSubscriber
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.suppressions import Suppressions
from tests.unit.feedback_mails import (
    AWAY,
    MESSAGE_ID,
    QMAIL,
    SILENT,
    TOKEN,
    VERP,
    complaint,
    failed,
    letter,
)

START = datetime(2026, 5, 1, 8, tzinfo=UTC)
DAY = timedelta(days=1)
KEYS = Keys((bytes(range(32)),))
OTHERS = Keys((bytes(32),))
DOMAIN = "news.example.org"
ANN, BOB = "ann@example.net", "bob@example.net"
GIVEN = Consent(action="given", method="web", source="/subscribe", at=START - DAY)


@dataclass
class Desk:
    """A newsletter with two readers and a clock that can be moved."""

    database: Database
    now: datetime = START

    def __post_init__(self) -> None:
        self.subscribers = Subscribers(self.database, address_hasher(KEYS))
        self.suppressions = Suppressions(self.database, address_hasher(KEYS))
        self.feedbacks = Feedbacks(self.database)
        self.dispatches = Dispatches(self.database)
        self.tokens = Tokens(KEYS)
        self.return_path = ReturnPath(KEYS, "bounces.example.org")
        self.subscribers.upsert(
            [NewSubscriber(address=each, normalised=each) for each in (ANN, BOB)], GIVEN
        )

    @property
    def hear(self) -> Hear:
        """The operation, on the real database."""
        return Hear(
            feedbacks=self.feedbacks,
            subscribers=self.subscribers,
            suppressions=self.suppressions,
            dispatches=self.dispatches,
            tokens=self.tokens,
            return_path=self.return_path,
            keys=KEYS,
            mail_domain=DOMAIN,
            rules=FeedbackRules(),
            clock=lambda: self.now,
        )

    def person(self, address: str = ANN) -> SubscriberId:
        """Return who has an address."""
        found = self.subscribers.find(address)
        assert found is not None
        return found

    def sent(
        self, entry: str = "letter-7", *, refused: str = "", code: int = 550
    ) -> dict[str, DeliveryId]:
        """Send an entry to both; return the deliveries by address, Bob's accepted always."""
        dispatch = self.dispatches.create(
            entry=EntryId(entry), digest="d", due_at=self.now, now=self.now
        ).id
        self.dispatches.prepare(dispatch, self.now)
        ledger = SqlLedger(self.database)
        claims = ledger.due(dispatch, now=self.now, after=DeliveryId(0), limit=9)
        at = microseconds(self.now)
        ledger.settle(
            dispatch,
            [
                Settled(claim.delivery, 1, DeliveryStatus.REFUSED, at, at, None, code, refused)
                if refused and claim.address == ANN
                else Settled(claim.delivery, 1, DeliveryStatus.ACCEPTED, at, at, None, 250, "ok")
                for claim in claims
            ],
        )
        return {claim.address: claim.delivery for claim in claims}

    def bounce(self, raw: bytes, delivery: DeliveryId) -> bytes:
        """Return a mail with the return path of a delivery for that of the sample."""
        local = self.return_path.mint(delivery).partition("@")[0]
        return raw.replace(VERP.encode(), local.encode())

    def state(self, address: str = ANN) -> SubscriberState | None:
        """Return where somebody stands with the main list."""
        found = self.subscribers.by_address(address)
        return found.state if found else None


@pytest.fixture
def desk(empty: Path, tmp_path: Path) -> Iterator[Desk]:
    """Give a newsletter."""
    opened = open_database(Path(shutil.copy(empty, tmp_path)))
    yield Desk(opened)
    opened.close()


def reasons(desk: Desk) -> tuple[SuppressionReason | None, SuppressionReason | None]:
    """Return why Ann and Bob are suppressed."""
    return desk.suppressions.reason(ANN), desk.suppressions.reason(BOB)


def untouched(desk: Desk, heard: Heard) -> None:
    """Assert that what was heard is recorded and changed nobody."""
    assert reasons(desk) == (None, None)
    assert desk.state(ANN) is desk.state(BOB) is SubscriberState.ACTIVE
    assert not any(each.proof or each.decision.counted for each in heard.judged)
    assert len(rows(desk)) == len(heard.judged) > 0


def rows(desk: Desk) -> list[tuple[object, ...]]:
    """Return everything recorded."""
    with desk.database.reading() as connection:
        found = connection.exec_driver_sql("SELECT kind, proven, counted, reply FROM feedback")
        return [tuple(row) for row in found]


def test_a_proven_hard_bounce_suppresses_its_reader(desk: Desk) -> None:
    """The return path says who, the status says what; nobody else is touched."""
    delivery = desk.sent()[ANN]

    heard = desk.hear(desk.bounce(failed("5.1.1"), delivery), source="maildir")

    assert reasons(desk) == (SuppressionReason.BOUNCED, None)
    (judged,) = heard.judged
    assert judged.proof is not None
    assert (judged.proof.subscriber, judged.proof.delivery) == (desk.person(), delivery)
    assert rows(desk)[0][:3] == ("hard", True, True)


def test_the_same_mail_is_heard_once(desk: Desk) -> None:
    """A crash between hearing and moving hears it again; nothing follows from that."""
    raw = desk.bounce(failed("5.1.1"), desk.sent()[ANN])
    desk.hear(raw, source="maildir")
    desk.suppressions.remove(ANN)

    heard = desk.hear(raw, source="imap")

    assert heard.known
    assert reasons(desk) == (None, None)
    assert len(rows(desk)) == 1


@pytest.mark.parametrize("raw", [failed("5.1.1"), complaint(), QMAIL, letter(TOKEN)])
def test_a_forged_token_changes_nobody(desk: Desk, raw: bytes) -> None:
    """A mail with the shapes of ours, and Ann's address in it, is recorded and that is all."""
    desk.sent()

    untouched(desk, desk.hear(raw, source="maildir"))


def test_a_token_of_other_keys_changes_nobody(desk: Desk) -> None:
    """Whoever knows the form and the numbers cannot make one."""
    delivery = desk.sent()[ANN]
    forged = ReturnPath(OTHERS, "bounces.example.org").mint(delivery).partition("@")[0]
    link = Tokens(OTHERS).mint(Action.UNSUBSCRIBE, desk.person())
    raw = failed("5.1.1").replace(VERP.encode(), forged.encode())

    untouched(desk, desk.hear(raw.replace(TOKEN.encode(), link.encode()), source="maildir"))


@pytest.mark.parametrize("position", range(26))
def test_every_letter_of_a_return_path_is_signed(desk: Desk, position: int) -> None:
    """Another letter anywhere is another return path, and of nobody."""
    local = desk.return_path.mint(desk.sent()[ANN]).partition("@")[0]
    other = "b" if local[position] == "a" else "a"
    forged = local[:position] + other + local[position + 1 :]
    raw = failed("5.1.1").replace(VERP.encode(), forged.encode())

    untouched(desk, desk.hear(raw, source="maildir"))


@pytest.mark.parametrize("action", [each for each in Action if each is not Action.UNSUBSCRIBE])
def test_other_links_prove_nothing_here(desk: Desk, action: Action) -> None:
    """A confirmation mail must not be a way to unsubscribe by mail."""
    raw = letter(desk.tokens.mint(action, desk.person()))

    untouched(desk, desk.hear(raw, source="maildir"))


def test_a_bounce_of_another_lists_mail_changes_nobody(desk: Desk) -> None:
    """It quotes a mail that we never wrote, to an address that we know."""
    desk.sent()
    raw = failed("5.1.1").replace(VERP.encode(), b"list-bounces+ann=example.net")
    raw = raw.replace(TOKEN.encode(), b"x").replace(MESSAGE_ID.encode(), b"1@lists.example.net")

    untouched(desk, desk.hear(raw, source="maildir"))


def test_a_reader_cannot_bounce_another(desk: Desk) -> None:
    """A true token is about its owner, whoever else the report names."""
    delivery = desk.sent()[BOB]
    raw = desk.bounce(failed("5.1.1"), delivery)  # names Ann

    desk.hear(raw, source="maildir")

    assert reasons(desk) == (None, SuppressionReason.BOUNCED)


def test_of_several_verdicts_the_mildest_holds(desk: Desk) -> None:
    """A forwarder has two targets: while one of them takes our mail, the reader reads us."""
    more = b"\nFinal-Recipient: rfc822; c@example.org\nAction: relayed\nStatus: 2.0.0\n\n--sep/1\n"
    raw = failed("5.1.1").replace(b"Ann@example.net\nAction", b"d@example.org\nAction")
    raw = raw.replace(
        b"\n--sep/1\nContent-Type: message/rfc822", more + b"Content-Type: message/rfc822"
    )

    heard = desk.hear(desk.bounce(raw, desk.sent()[ANN]), source="maildir")

    assert [each.feedback.kind for each in heard.judged] == [
        FeedbackKind.HARD,
        FeedbackKind.DELIVERED,
    ]
    assert [each.proof is not None for each in heard.judged] == [False, True]
    assert reasons(desk) == (None, None)


def test_a_complaint_suppresses_for_good(desk: Desk) -> None:
    """It replaces a reason that is lifted more easily."""
    delivery = desk.sent()[ANN]
    desk.hear(desk.bounce(failed("5.1.1"), delivery), source="maildir")

    desk.hear(desk.bounce(complaint(), delivery), source="fbl")

    assert desk.suppressions.reason(ANN) is SuppressionReason.COMPLAINED


def test_a_mail_to_the_unsubscribe_address_is_obeyed(desk: Desk) -> None:
    """Its token says who; they leave the list of the mail and are not suppressed."""
    token = desk.tokens.mint(Action.UNSUBSCRIBE, desk.person())

    desk.hear(letter(token), source="imap")

    assert desk.state(ANN) is SubscriberState.UNSUBSCRIBED
    assert reasons(desk) == (None, None)
    assert desk.subscribers.consents(desk.person())[-1].method == "mail"


def test_a_wish_without_a_token_is_recorded(desk: Desk) -> None:
    """A From header proves nothing: the operator sees it and asks."""
    untouched(desk, desk.hear(letter("unsubscribe"), source="imap"))


def test_a_link_in_the_returned_mail_proves_its_reader(desk: Desk) -> None:
    """Servers that rewrite the return path still return our header."""
    desk.sent()
    link = desk.tokens.mint(Action.UNSUBSCRIBE, desk.person())

    desk.hear(failed("5.1.1").replace(TOKEN.encode(), link.encode()), source="maildir")

    assert reasons(desk) == (SuppressionReason.BOUNCED, None)


def test_a_message_id_proves_the_reader_it_was_made_for(desk: Desk) -> None:
    """It is signed, too: of Ann's mail it says nothing about Bob."""
    desk.sent()
    ours = message_id(KEYS, EntryId("letter-7"), desk.person(), DOMAIN)
    raw = failed("5.1.1").replace(MESSAGE_ID.encode(), ours.encode())

    untouched(desk, desk.hear(raw.replace(b"Ann@", b"Bob@"), source="maildir"))
    desk.hear(raw, source="maildir")

    assert reasons(desk) == (SuppressionReason.BOUNCED, None)


def test_full_mailboxes_are_counted_by_issue(desk: Desk) -> None:
    """The third issue in two weeks ends it, a second report of the second does not."""
    for week in range(3):
        desk.now = START + week * 7 * DAY
        raw = desk.bounce(failed("5.2.2", f"552 full {week}"), desk.sent(f"letter-{week}")[ANN])
        assert desk.suppressions.reason(ANN) is None
        desk.hear(raw, source="maildir")
        if week == 1:
            desk.hear(raw + b"again", source="maildir")

    assert desk.suppressions.reason(ANN) is SuppressionReason.BOUNCED


def test_a_fresh_word_is_a_fresh_beginning(desk: Desk) -> None:
    """Bounces from before somebody confirmed anew do not count against them."""
    for week in range(3):
        desk.now = START + week * 7 * DAY
        desk.hear(desk.bounce(failed("5.2.2"), desk.sent(f"letter-{week}")[ANN]), source="maildir")
    desk.suppressions.remove(ANN)
    desk.now += DAY
    for state in (SubscriberState.UNSUBSCRIBED, SubscriberState.ACTIVE):
        desk.subscribers.set_state(desk.person(), state, replace(GIVEN, at=desk.now))
    desk.now += DAY

    desk.hear(desk.bounce(failed("5.2.2"), desk.sent("letter-9")[ANN]), source="maildir")

    assert desk.suppressions.reason(ANN) is None


@pytest.mark.parametrize(
    ("reply", "reason", "counted"),
    [
        ("5.1.1 no such user", SuppressionReason.BOUNCED, True),
        ("no such user", None, True),
        ("5.2.2 mailbox full", None, True),
        ("5.7.1 blocked for spam", None, False),
    ],
)
def test_refusals_enter_the_same_rules(
    desk: Desk, reply: str, reason: SuppressionReason | None, counted: bool
) -> None:
    """What a server said to our face needs no token; a bare 550 is only prose."""
    desk.sent(refused=reply)

    found = desk.hear.refusals(DispatchId(1))

    assert [each.decision.counted for each in found] == [counted]
    assert reasons(desk) == (reason, None)
    assert desk.hear.refusals(DispatchId(1)) == ()


def test_what_a_provider_says_needs_a_token_too(desk: Desk) -> None:
    """Its signature proves who speaks, and not about whom."""
    delivery = desk.sent()[ANN]
    (told,) = read(desk.bounce(complaint(), delivery))

    desk.hear.webhook(replace(told, tokens=(), message_ids=()), source="ses", key="e1")
    assert reasons(desk) == (None, None)
    desk.hear.webhook(told, source="ses", key="e2")
    assert reasons(desk) == (SuppressionReason.COMPLAINED, None)


def test_no_address_is_kept_in_what_was_said(desk: Desk) -> None:
    """Nobody could erase it from the rows that are about nobody."""
    raw = failed("5.1.1", "550 5.1.1 <ann@example.net>: <x+y@example.net> user unknown")

    desk.hear(raw, source="maildir")

    assert rows(desk)[0][3] == "550 5.1.1 <…@example.net>: <…@example.net> user unknown"


@pytest.mark.parametrize(
    ("raw", "unread"),
    [
        (letter("Lovely issue"), True),
        (SILENT, True),
        (letter("unsubscribe"), True),
        (failed("5.1.1"), True),  # a token of our shape, of keys that we do not have
        (complaint(), True),
        (failed("5.1.1").replace(VERP.encode(), b"x").replace(TOKEN.encode(), b"x"), False),
        (AWAY, False),
    ],
)
def test_what_a_person_must_read_is_said_to_be_so(desk: Desk, raw: bytes, unread: bool) -> None:
    """Whoever collects mail keeps what nobody can read, and wishes that nobody can prove."""
    assert desk.hear(raw, source="maildir").unread is unread


def test_a_proven_riddle_is_not_kept(desk: Desk) -> None:
    """A token says whom it is about, and it counts as a full mailbox would."""
    heard = desk.hear(desk.bounce(SILENT, desk.sent()[ANN]), source="maildir")

    assert not heard.unread
    assert [each.decision.counted for each in heard.judged] == [True]


def test_what_was_kept_is_believed_once_it_can_be_proven(desk: Desk) -> None:
    """The keys were restored: hearing it again believes it, once, and as it came then."""
    raw = desk.bounce(failed("5.1.1"), desk.sent()[ANN])
    other = replace(desk.hear, return_path=ReturnPath(OTHERS, "bounces.example.org"))
    assert other(raw, source="maildir").unread
    assert rows(desk)[0][:3] == ("hard", False, False)
    first = desk.now
    desk.now += DAY

    again = [desk.hear(raw, source="replay") for _ in range(2)]

    assert [heard.known for heard in again] == [False, True]
    assert reasons(desk) == (SuppressionReason.BOUNCED, None)
    assert [row[:3] for row in rows(desk)] == [("hard", True, True)]
    (kept,) = desk.feedbacks.of(desk.person())
    assert (kept.at, kept.source) == (first, "maildir")
    assert other(raw, source="replay").known


def test_a_true_token_of_somebody_gone_is_not_kept(desk: Desk) -> None:
    """Nothing more can be proven, and the mail may hold the address of somebody erased."""
    link = desk.tokens.mint(Action.UNSUBSCRIBE, SubscriberId(99))
    raw = failed("5.1.1").replace(VERP.encode(), b"x").replace(TOKEN.encode(), link.encode())

    assert not desk.hear(raw, source="maildir").unread


def linked(desk: Desk, raw: bytes, entry: str = "") -> bytes:
    """Return a mail with Ann's link for that of the sample, and the Message-ID of an entry."""
    ours = message_id(KEYS, EntryId(entry), desk.person(), DOMAIN) if entry else "1@example.net"
    link = desk.tokens.mint(Action.UNSUBSCRIBE, desk.person())
    return raw.replace(TOKEN.encode(), link.encode()).replace(MESSAGE_ID.encode(), ours.encode())


def test_a_complaint_that_only_a_link_proves_leaves_the_list(desk: Desk) -> None:
    """Whoever was forwarded a mail has the link, and may not shut its reader out for good."""
    desk.sent()

    (judged,) = desk.hear(linked(desk, complaint()), source="fbl").judged

    assert reasons(desk) == (None, None)
    assert desk.state(ANN) is SubscriberState.UNSUBSCRIBED
    assert desk.state(BOB) is SubscriberState.ACTIVE
    assert not judged.decision.counted


def test_a_complaint_with_our_message_id_is_one(desk: Desk) -> None:
    """Feedback loops return the header of the mail, with the name of its reader or without."""
    desk.sent()

    redacted = complaint().replace(b"Original-Rcpt-To: <ann@example.net>", b"X-Nothing: 1")
    desk.hear(linked(desk, redacted, "letter-7"), source="fbl")

    assert reasons(desk) == (SuppressionReason.COMPLAINED, None)


def test_a_message_id_of_another_reader_proves_nothing_more(desk: Desk) -> None:
    """Bob has a Message-ID of his own and Ann's link: that is still the link alone."""
    desk.sent()
    his = message_id(KEYS, EntryId("letter-7"), desk.person(BOB), DOMAIN)
    raw = linked(desk, complaint()).replace(b"1@example.net", his.encode())

    (judged,) = desk.hear(raw, source="fbl").judged

    assert reasons(desk) == (None, None)
    assert judged.proof is not None
    assert judged.proof.dispatch is None


def test_a_provider_may_complain_with_a_link(desk: Desk) -> None:
    """Its signature says that the complaint is true, the link says whose."""
    desk.sent()
    (told,) = read(linked(desk, complaint()))

    desk.hear.webhook(told, source="ses", key="e1")

    assert reasons(desk) == (SuppressionReason.COMPLAINED, None)


def test_an_event_that_is_known_is_not_believed_later(desk: Desk) -> None:
    """The key of an event need not cover what it says: another body under it is no proof."""
    delivery = desk.sent()[ANN]
    (told,) = read(desk.bounce(complaint(), delivery))
    desk.hear.webhook(replace(told, tokens=(), message_ids=()), source="mailgun", key="e1")

    assert desk.hear.webhook(told, source="mailgun", key="e1").known
    assert reasons(desk) == (None, None)


def test_full_mailboxes_are_counted_by_issue_without_a_return_path(desk: Desk) -> None:
    """The link proves the reader, the Message-ID beside it the issue: three of them end it."""
    for week in range(3):
        desk.now = START + week * 7 * DAY
        desk.sent(f"letter-{week}")
        assert desk.suppressions.reason(ANN) is None
        raw = linked(desk, failed("5.2.2", f"552 full {week}"), f"letter-{week}")
        (judged,) = desk.hear(raw, source="maildir").judged
        assert judged.proof is not None
        assert judged.proof.dispatch == week + 1

    assert desk.suppressions.reason(ANN) is SuppressionReason.BOUNCED
    assert [desk.feedbacks.counts(DispatchId(n))[FeedbackKind.MAILBOX] for n in (1, 2, 3)] == [
        *(1, 1, 1)
    ]


def crowd(desk: Desk, domain: str, people: int) -> list[str]:
    """Let people of a domain subscribe; return their addresses."""
    new = [f"reader{number}@{domain}" for number in range(people)]
    desk.subscribers.upsert([NewSubscriber(address=each, normalised=each) for each in new], GIVEN)
    return new


def refuse(desk: Desk, refused: set[str], reply: str = "5.1.1 no such user") -> DispatchId:
    """Send an entry to everybody; some are refused."""
    entry = EntryId("letter-8")
    id_ = desk.dispatches.create(entry=entry, digest="d", due_at=desk.now, now=desk.now).id
    desk.dispatches.prepare(id_, desk.now)
    ledger, at = SqlLedger(desk.database), microseconds(desk.now)
    settled = [
        Settled(claim.delivery, 1, DeliveryStatus.REFUSED, at, at, None, 550, reply)
        if claim.address in refused
        else Settled(claim.delivery, 1, DeliveryStatus.ACCEPTED, at, at, None, 250, "ok")
        for claim in ledger.due(id_, now=desk.now, after=DeliveryId(0), limit=9999)
    ]
    ledger.settle(id_, settled)
    return id_


def suppressed(desk: Desk) -> int:
    """Count who is suppressed."""
    return sum(desk.suppressions.count().values())


def test_a_provider_that_refuses_a_crowd_costs_nobody(desk: Desk) -> None:
    """A server that is broken says 5.1.1 to everybody: that is recorded, and said."""
    big = crowd(desk, "Big.example.net", 60)
    small = crowd(desk, "small.example.net", 400)

    found = desk.hear.refusals(refuse(desk, {*big[:20], *small[:1]}))

    assert suppressed(desk) == 1
    assert desk.suppressions.reason("reader0@small.example.net") is SuppressionReason.BOUNCED
    doubted = [each for each in found if each.decision.doubted]
    assert len(doubted) == 20
    (note,) = {each.decision.note for each in doubted}
    assert note.startswith("20 of 60 readers at big.example.net were refused as unknown")
    assert sum(not row[2] for row in rows(desk)) == 20
    assert len(rows(desk)) == 21


def test_a_crowd_is_counted_over_all_runs_of_a_dispatch(desk: Desk) -> None:
    """A run that finds few more knows of those that were judged before."""
    big = crowd(desk, "big.example.net", 60)
    id_ = refuse(desk, set(big[:20]))
    with desk.database.writing() as connection:
        connection.exec_driver_sql("UPDATE delivery SET status = 'accepted' WHERE id % 2")
    assert not any(each.decision.doubted for each in desk.hear.refusals(id_))
    with desk.database.writing() as connection:
        connection.exec_driver_sql("UPDATE delivery SET status = 'refused' WHERE code = 550")

    assert all(each.decision.doubted for each in desk.hear.refusals(id_))
    assert suppressed(desk) == 10


def test_many_refusals_everywhere_cost_nobody(desk: Desk) -> None:
    """Too many of all, at however many domains: the relay or the list is broken."""
    people = [each for number in range(50) for each in crowd(desk, f"d{number}.example.net", 5)]

    found = desk.hear.refusals(refuse(desk, set(people[::10])))  # 25 of 252

    assert suppressed(desk) == 0
    assert {each.decision.note.partition(":")[0] for each in found} == {
        "25 of 252 readers were refused as unknown"
    }


def test_dead_addresses_are_given_up_as_ever(desk: Desk) -> None:
    """Fewer than 20 of a domain, and not more than one in twenty of all, are what they seem."""
    people = crowd(desk, "big.example.net", 400)

    found = desk.hear.refusals(refuse(desk, set(people[:19])))

    assert suppressed(desk) == len(found) == 19
