"""What stands for a person in a link, in a Message-ID and in the suppressions."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256
from typing import Final

from pipeline.audience.secrets import Keys
from pipeline.errors import BroadsheetError
from pipeline.model.entry import EntryId
from pipeline.model.subscriber import SubscriberId

# 24 bytes: key id, action, subscriber (6 bytes), MAC (16 bytes). A multiple of three leaves no
# spare bits in base64, so that no two spellings name one token.
TOKEN_LENGTH: Final = 32  # characters

_KEY_ID: Final = 1  # lets a later release change keys without breaking links that were sent
_SUBSCRIBER_BYTES: Final = 6
_MAC_BYTES: Final = 16
_TOKEN: Final = re.compile(rf"[A-Za-z0-9_-]{{{TOKEN_LENGTH}}}")
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_BLOCK: Final = 64  # bytes of SHA-256; no key of ours is longer
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))

Mac = Callable[[bytes], bytes]


class Action(IntEnum):
    """What a link may do; numbers are never used again."""

    UNSUBSCRIBE = 1
    CONFIRM = 2
    PREFERENCES = 3


class TokenError(BroadsheetError):
    """Not a token of ours; why is not said, so that nothing can be learned from trying."""

    def __init__(self) -> None:
        super().__init__("this link is not valid")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Signed links: short, without an address in them, and valid for ever.

    An unsubscribe link must work as long as the mail exists. How long a confirmation may wait is
    known from when the subscriber was written down, and that it happens once, from their state.
    """

    keys: Keys
    # What a token starts with and its code, by action from 1.
    _prepared: tuple[tuple[bytes, Mac], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Derive the key of each action once."""
        prepared = (
            (bytes((_KEY_ID, action)), _keyed(self.keys.derive(f"token {action.name.lower()}")))
            for action in Action
        )
        object.__setattr__(self, "_prepared", tuple(prepared))

    def mint(self, action: Action, subscriber: SubscriberId) -> str:
        """Return the token that lets its bearer do `action` for one subscriber."""
        start, mac = self._prepared[action - 1]
        body = start + subscriber.to_bytes(_SUBSCRIBER_BYTES, "big")
        return _base64(body + mac(body)[:_MAC_BYTES])

    def read(self, token: str) -> tuple[Action, SubscriberId]:
        """Return what a token says.

        Raises:
            TokenError: it was not minted with these keys.
        """
        if not _TOKEN.fullmatch(token):
            raise TokenError
        decoded = urlsafe_b64decode(token)
        body, mac = decoded[:-_MAC_BYTES], decoded[-_MAC_BYTES:]
        try:
            action = Action(body[1])
        except ValueError as error:
            raise TokenError from error
        start, expected = self._prepared[action - 1]
        if not body.startswith(start) or not hmac.compare_digest(mac, expected(body)[:_MAC_BYTES]):
            raise TokenError
        return action, SubscriberId(int.from_bytes(body[2:], "big"))


def message_id(keys: Keys, entry: EntryId, subscriber: SubscriberId, domain: str) -> str:
    """Return the Message-ID of an entry to a subscriber, without its angle brackets.

    It is the same on every attempt: a mailbox that gets the message twice can tell that it is
    one, and a bounce can be matched. It names nobody.
    """
    return message_ids(keys, entry, domain)(subscriber)


def message_ids(keys: Keys, entry: EntryId, domain: str) -> Callable[[SubscriberId], str]:
    """Return `message_id` with its key derived once, for all subscribers of an entry."""
    mac = _keyed(keys.derive("message-id"), f"{entry}\0".encode())

    def make(subscriber: SubscriberId) -> str:
        return f"{entry}.{_base64(mac(b'%d' % subscriber)[:12])}@{domain}"

    return make


def address_hash(keys: Keys, normalised: str) -> str:
    """Return the keyed hash under which an address is suppressed: 32 hexadecimal digits.

    Without the key nobody can find out by trying whether an address is among them.
    """
    return address_hasher(keys)(normalised)


def address_hasher(keys: Keys) -> Callable[[str], str]:
    """Return `address_hash` with its key derived once, for many addresses."""
    key = keys.derive("suppression")

    def hash_address(normalised: str) -> str:
        return hmac.digest(key, normalised.encode(), "sha256")[:16].hex()

    return hash_address


def _keyed(key: bytes, start: bytes = b"") -> Mac:
    """Return HMAC-SHA256 (RFC 2104) of messages that begin alike, hashed so far already.

    `hmac.digest` hashes the key anew for each, which is more than half of a token's cost.
    """
    padded = key.ljust(_BLOCK, b"\0")
    inner, outer = sha256(padded.translate(_INNER) + start), sha256(padded.translate(_OUTER))

    def mac(message: bytes) -> bytes:
        inside, outside = inner.copy(), outer.copy()
        inside.update(message)
        outside.update(inside.digest())
        return outside.digest()

    return mac


def _base64(data: bytes) -> str:
    return b2a_base64(data, newline=False).translate(_URL_SAFE).decode("ascii")
