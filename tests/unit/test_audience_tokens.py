from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audience.secrets import Keys
from pipeline.audience.tokens import (
    TOKEN_LENGTH,
    Action,
    TokenError,
    Tokens,
    address_hash,
    address_hasher,
    message_id,
    message_ids,
)
from pipeline.model.entry import EntryId
from pipeline.model.subscriber import SubscriberId

KEYS = Keys(b"a secret of exactly thirty-two b")
OTHER_KEYS = Keys(b"b secret of exactly thirty-two b")
TOKENS = Tokens(KEYS)
ANN = SubscriberId(123_456)
LETTER = EntryId("first-letter")

SUBSCRIBERS = st.integers(0, 2**48 - 1).map(SubscriberId)


@given(action=st.sampled_from(Action), subscriber=SUBSCRIBERS)
def test_a_token_says_what_it_was_minted_for(action: Action, subscriber: SubscriberId) -> None:
    """It is short, fits a URL and a merge slot as it stands, and has no address in it."""
    token = TOKENS.mint(action, subscriber)

    assert TOKENS.read(token) == (action, subscriber)
    assert re.fullmatch(rf"[A-Za-z0-9_-]{{{TOKEN_LENGTH}}}", token)
    assert TOKENS.mint(action, subscriber) == token


def test_what_was_sent_and_stored_stays_valid() -> None:
    """How tokens, ids and hashes are made never changes."""
    assert TOKENS.mint(Action.UNSUBSCRIBE, ANN) == "AQEAAAAB4kBIjbDDV6xLONw_CsUL6dxL"
    assert TOKENS.mint(Action.CONFIRM, ANN) == "AQIAAAAB4kCeJxy_QDvflUZJkE6QKTR0"
    assert TOKENS.mint(Action.PREFERENCES, ANN) == "AQMAAAAB4kDQkdkwwKt38K-wbfVFLUph"
    assert message_id(KEYS, LETTER, ANN, "news.example.org") == (
        "first-letter.g63jpvL2p5ziBYZE@news.example.org"
    )
    assert address_hash(KEYS, "ann@example.org") == "8c4411197ae85f4fbc7a8ff598a84ee2"


@given(action=st.sampled_from(Action), subscriber=SUBSCRIBERS)
def test_the_code_of_a_token_is_hmac_sha256(action: Action, subscriber: SubscriberId) -> None:
    """Keys prepared for many messages sign as the standard library does."""
    content = urlsafe_b64decode(TOKENS.mint(action, subscriber))
    key = KEYS.derive(f"token {action.name.lower()}")

    assert content[8:] == hmac.digest(key, content[:8], "sha256")[:16]
    assert message_ids(KEYS, LETTER, "example.org")(subscriber) == message_id(
        KEYS, LETTER, subscriber, "example.org"
    )


@pytest.mark.parametrize("subscriber", [-1, 2**48])
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

    assert id_ == message_id(Keys(KEYS.secret), LETTER, ANN, "news.example.org")
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
