"""What stands for a person in a link, in a Message-ID and in the suppressions."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
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


class Action(IntEnum):
    """What a link may do; numbers are never used again."""

    UNSUBSCRIBE = 1
    CONFIRM = 2


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

    def mint(self, action: Action, subscriber: SubscriberId) -> str:
        """Return the token that lets its bearer do `action` for one subscriber."""
        body = bytes((_KEY_ID, action)) + subscriber.to_bytes(_SUBSCRIBER_BYTES, "big")
        return urlsafe_b64encode(body + self._mac(action, body)).decode("ascii")

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
        if body[0] != _KEY_ID or not hmac.compare_digest(mac, self._mac(action, body)):
            raise TokenError
        return action, SubscriberId(int.from_bytes(body[2:], "big"))

    def _mac(self, action: Action, body: bytes) -> bytes:
        key = self.keys.derive(f"token {action.name.lower()}")
        return hmac.digest(key, body, "sha256")[:_MAC_BYTES]


def message_id(keys: Keys, entry: EntryId, subscriber: SubscriberId, domain: str) -> str:
    """Return the Message-ID of an entry to a subscriber, without its angle brackets.

    It is the same on every attempt: a mailbox that gets the message twice can tell that it is
    one, and a bounce can be matched. It names nobody.
    """
    mac = hmac.digest(keys.derive("message-id"), f"{entry}\0{subscriber}".encode(), "sha256")
    return f"{entry}.{urlsafe_b64encode(mac[:12]).decode('ascii')}@{domain}"


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
