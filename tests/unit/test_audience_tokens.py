from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audience.secrets import Keys, add_secret, load_secrets
from pipeline.audience.tokens import (
    TOKEN_LENGTH,
    Action,
    ReturnPath,
    Ticket,
    TokenError,
    Tokens,
    address_hash,
    address_hasher,
    message_id,
)
from pipeline.model.delivery import DeliveryId
from pipeline.model.entry import EntryId
from pipeline.model.subscriber import ListId, SubscriberId

SECRET = b"a secret of exactly thirty-two b"
KEYS = Keys((SECRET,))
OTHER_KEYS = Keys((b"b secret of exactly thirty-two b",))
ROTATED_KEYS = Keys((SECRET, b"c secret of exactly thirty-two b"))
TOKENS = Tokens(KEYS)
ANN = SubscriberId(123_456)
LETTER = EntryId("first-letter")
ASKED = datetime(2026, 5, 1, 8, 0, 0, 1, tzinfo=UTC)

SUBSCRIBERS = st.integers(0, 2**40 - 1).map(SubscriberId)
LISTS = st.integers(0, 255).map(ListId)
DELIVERIES = st.integers(0, 2**48 - 1).map(DeliveryId)


@given(action=st.sampled_from(Action), subscriber=SUBSCRIBERS, list_=LISTS)
def test_a_token_says_what_it_was_minted_for(
    action: Action, subscriber: SubscriberId, list_: ListId
) -> None:
    """It is short, fits a URL and a merge slot as it stands, and has no address in it."""
    token = TOKENS.mint(action, subscriber, list_)

    assert TOKENS.read(token) == Ticket(action, subscriber, list_)
    assert re.fullmatch(rf"[A-Za-z0-9_-]{{{TOKEN_LENGTH}}}", token)
    assert TOKENS.minter(action, list_)(subscriber) == token


def test_what_was_sent_and_stored_stays_valid() -> None:
    """How tokens, ids and hashes are made never changes."""
    assert TOKENS.mint(Action.UNSUBSCRIBE, ANN) == "AQEAAAAB4kDhSkwqrG2uwuqi-9NHpTbR"
    assert TOKENS.mint(Action.CONFIRM, ANN) == "AQIAAAAB4kA2s9beDLVgo67rC_T6rRN4"
    assert TOKENS.mint(Action.PREFERENCES, ANN) == "AQMAAAAB4kDP0aBZIxEmdq5V5quA-DNn"
    assert TOKENS.mint(Action.CONFIRM, ANN, moment=ASKED) == ("AQIAAAAB4kCxZJnB3h4kEPFwowalpgw5")
    assert message_id(KEYS, LETTER, ANN, "news.example.org") == (
        "first-letter.CLgo4K3Scn6PNrSF@news.example.org"
    )
    assert address_hash(KEYS, "ann@example.org") == "8c4411197ae85f4fbc7a8ff598a84ee2"


@given(action=st.sampled_from(Action), subscriber=SUBSCRIBERS)
def test_the_code_of_a_token_is_keyed_blake2b(action: Action, subscriber: SubscriberId) -> None:
    """128 bits (RFC 7693), of a key for each action."""
    content = urlsafe_b64decode(TOKENS.mint(action, subscriber))
    key = KEYS.derive(f"token {action.name.lower()}")

    assert content[8:] == blake2b(content[:8], digest_size=16, key=key).digest()


@pytest.mark.parametrize("action", list(Action))
def test_a_link_is_bound_to_the_moment_of_its_question(action: Action) -> None:
    """To the microsecond; without one, with another or where there is none it is no link."""
    bound, free = TOKENS.mint(action, ANN, moment=ASKED), TOKENS.mint(action, ANN)
    wrong: list[tuple[str, datetime | None]] = [
        (bound, ASKED + timedelta(microseconds=1)),
        (bound, ASKED - timedelta(microseconds=1)),
        (bound, None),
        (free, ASKED),
        (free, None),
    ]

    assert TOKENS.read(bound, moment_of=lambda _: ASKED).subscriber == ANN
    assert len(bound) == TOKEN_LENGTH
    assert urlsafe_b64decode(bound)[:8] == urlsafe_b64decode(free)[:8]
    with pytest.raises(TokenError):
        TOKENS.read(bound)
    for token, moment in wrong:
        with pytest.raises(TokenError):
            TOKENS.read(token, moment_of=lambda _, moment=moment: moment)  # type: ignore[misc]


@given(action=st.sampled_from(Action), subscriber=SUBSCRIBERS)
def test_a_change_of_keys_breaks_no_link(action: Action, subscriber: SubscriberId) -> None:
    """What the old key signed is read; the new key signs; before, it was unknown."""
    old, new = TOKENS.mint(action, subscriber), Tokens(ROTATED_KEYS).mint(action, subscriber)

    assert Tokens(ROTATED_KEYS).read(old) == Tokens(ROTATED_KEYS).read(new)
    assert old != new
    with pytest.raises(TokenError):
        TOKENS.read(new)


def test_a_process_that_runs_reads_what_a_newer_key_signed(tmp_path: Path) -> None:
    """Its links and bounces are not taken for forged ones until somebody starts it again."""
    file = tmp_path / "secret.key"
    running = Keys(load_secrets(file), file)
    add_secret(file)
    newer = Keys(load_secrets(file), file)
    address = ReturnPath(newer, "example.org").mint(DeliveryId(7))

    token = Tokens(newer).mint(Action.UNSUBSCRIBE, ANN)
    assert Tokens(running).read(token) == Ticket(Action.UNSUBSCRIBE, ANN, ListId(0))
    assert ReturnPath(running, "example.org").read(address) == 7
    with pytest.raises(TokenError):
        Tokens(Keys(running.secrets)).read(token)


def test_a_change_of_keys_changes_no_message_and_no_suppression() -> None:
    """A retry stays the same message, and who was suppressed stays so."""
    assert message_id(KEYS, LETTER, ANN, "example.org") == message_id(
        ROTATED_KEYS, LETTER, ANN, "example.org"
    )
    assert address_hash(KEYS, "a@example.org") == address_hash(ROTATED_KEYS, "a@example.org")


@given(delivery=DELIVERIES)
def test_a_return_path_says_which_delivery_came_back(delivery: DeliveryId) -> None:
    """It fits a local part, survives capitals, and outlives a change of keys."""
    path = ReturnPath(KEYS, "bounces.example.org")
    address = path.mint(delivery)

    assert re.fullmatch(r"b-[a-z2-7]{24}@bounces\.example\.org", address)
    assert path.read(address) == path.read(address.partition("@")[0].upper()) == delivery
    assert ReturnPath(ROTATED_KEYS, "example.org").read(address) == delivery
    assert ReturnPath(OTHER_KEYS, "bounces.example.org").read(address) is None


@pytest.mark.parametrize("at", range(2, 26))
def test_no_letter_of_a_return_path_can_be_changed(at: int) -> None:
    """A forged bounce suppresses nobody."""
    path = ReturnPath(KEYS, "example.org")
    address = path.mint(DeliveryId(4711))
    other = "a" if address[at] != "a" else "b"

    assert path.read(address[:at] + other + address[at + 1 :]) is None


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_a_return_path(text: str) -> None:
    """Whatever a bounce is addressed to."""
    assert ReturnPath(KEYS, "example.org").read(text) is None


@pytest.mark.parametrize("subscriber", [-1, 2**40])
def test_a_number_that_does_not_fit_is_no_token(subscriber: int) -> None:
    """It never spills into what the token may do."""
    with pytest.raises(OverflowError):
        TOKENS.mint(Action.UNSUBSCRIBE, SubscriberId(subscriber))


def test_the_secret_is_never_shown() -> None:
    """Neither it nor a key made of it is in what a log would print."""
    assert repr(TOKENS) == "Tokens(keys=Keys())"


@pytest.mark.parametrize("bit", range(24 * 8))
def test_no_bit_can_be_changed(bit: int) -> None:
    """Another action, another person, another key: all refused."""
    content = bytearray(urlsafe_b64decode(TOKENS.mint(Action.UNSUBSCRIBE, ANN)))
    content[bit // 8] ^= 1 << bit % 8

    with pytest.raises(TokenError):
        TOKENS.read(urlsafe_b64encode(content).decode())


def test_a_token_works_for_one_action_only() -> None:
    """The code of one under the name of another is refused: they have keys of their own."""
    unsubscribe = urlsafe_b64decode(TOKENS.mint(Action.UNSUBSCRIBE, ANN))
    confirm = urlsafe_b64decode(TOKENS.mint(Action.CONFIRM, ANN))

    with pytest.raises(TokenError):
        TOKENS.read(urlsafe_b64encode(confirm[:8] + unsubscribe[8:]).decode())


def test_a_token_of_another_workspace_is_refused() -> None:
    """Two newsletters do not unsubscribe each other's readers."""
    with pytest.raises(TokenError):
        Tokens(OTHER_KEYS).read(TOKENS.mint(Action.UNSUBSCRIBE, ANN))


GOOD = TOKENS.mint(Action.UNSUBSCRIBE, ANN)


@pytest.mark.parametrize(
    "token",
    [
        "",
        GOOD[:-1],
        GOOD + "A",
        GOOD + "=",
        GOOD + "\n",
        " " + GOOD,
        GOOD[:16] + "\n" + GOOD[16:],
        GOOD.replace(GOOD[0], "é"),
        GOOD.swapcase(),
        "A" * TOKEN_LENGTH,
        "=" * TOKEN_LENGTH,
        "A" * 100_000,
    ],
)
def test_what_is_no_token_is_refused_without_a_hint(token: str) -> None:
    """Every refusal reads the same, whatever is wrong."""
    with pytest.raises(TokenError) as refusal:
        TOKENS.read(token)

    assert str(refusal.value) == "this link is not valid"


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading(text: str) -> None:
    """Whatever stands in a URL, the answer is ours."""
    with pytest.raises(TokenError):
        TOKENS.read(text)


def test_a_message_has_one_id_for_ever() -> None:
    """The same entry to the same person is the same message, on every attempt and machine."""
    id_ = message_id(KEYS, LETTER, ANN, "news.example.org")

    assert id_ == message_id(Keys(KEYS.secrets), LETTER, ANN, "news.example.org")
    assert re.fullmatch(r"first-letter\.[A-Za-z0-9_-]{16}@news\.example\.org", id_)
    assert str(ANN) not in id_


def test_message_ids_differ_by_entry_person_and_workspace() -> None:
    """No two messages are taken for one, and a person's number cannot slip into the entry's."""
    ids = {
        message_id(KEYS, EntryId("letter-1"), SubscriberId(23), "example.org"),
        message_id(KEYS, EntryId("letter-12"), SubscriberId(3), "example.org"),
        message_id(KEYS, EntryId("letter-1"), SubscriberId(2), "example.org"),
        message_id(OTHER_KEYS, EntryId("letter-1"), SubscriberId(2), "example.org"),
    }

    assert len({id_.partition(".")[2] for id_ in ids}) == 4


def test_an_address_is_suppressed_under_a_keyed_hash() -> None:
    """Without the secret the table of suppressions tells nothing."""
    found = address_hash(KEYS, "ann@example.org")

    assert re.fullmatch(r"[0-9a-f]{32}", found)
    assert found == address_hasher(KEYS)("ann@example.org")
    assert found not in {
        address_hash(OTHER_KEYS, "ann@example.org"),
        address_hash(KEYS, "bob@example.org"),
    }
