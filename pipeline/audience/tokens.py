"""What stands for a person in a link, in a Message-ID and in the suppressions."""

from __future__ import annotations

import hmac
import re
from base64 import b32decode, b32encode, urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from hashlib import blake2b
from typing import Final, NamedTuple

from msgspec import Struct

from pipeline.audience.secrets import Keys
from pipeline.errors import BroadsheetError
from pipeline.model.delivery import DeliveryId
from pipeline.model.entry import EntryId
from pipeline.model.moment import microseconds
from pipeline.model.subscriber import MAIN, ListId, SubscriberId

# 24 bytes: key id, action, list, subscriber (5 bytes), MAC (16 bytes). A multiple of three leaves
# no spare bits in base64, so that no two spellings name one token.
TOKEN_LENGTH: Final = 32  # characters

_SUBSCRIBER_BYTES: Final = 5
_MOMENT_BYTES: Final = 8
_MAC_BYTES: Final = 16
_TOKEN: Final = re.compile(rf"[A-Za-z0-9_-]{{{TOKEN_LENGTH}}}")
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")

# 15 bytes: key id, delivery (6 bytes), MAC (8 bytes); 24 letters and digits in base32, which a
# server may write in capitals.
_RETURN_PATH: Final = re.compile(r"b-([a-z2-7]{24})", re.IGNORECASE)
_DELIVERY_BYTES: Final = 6
_RETURN_MAC_BYTES: Final = 8


class Action(IntEnum):
    """What a link may do; numbers are never used again."""

    UNSUBSCRIBE = 1
    CONFIRM = 2
    PREFERENCES = 3
    DISCLOSE = 4  # read everything that is known of its bearer
    ERASE = 5


class TokenError(BroadsheetError):
    """Not a token of ours; why is not said, so that nothing can be learned from trying."""

    def __init__(self) -> None:
        super().__init__("this link is not valid")


class Ticket(NamedTuple):
    """What a token says."""

    action: Action
    subscriber: SubscriberId
    list: ListId


@dataclass(frozen=True, slots=True)
class Tokens:
    """Signed links: short, without an address in them, and valid for ever.

    An unsubscribe link must work as long as the mail exists. One that answers a question is bound
    to the moment of that question: its code covers the moment, though the token does not hold it.
    So no old link answers what somebody asks later.

    The newest key signs; older ones are only read with, so that keys can be changed.
    """

    keys: Keys
    _by_purpose: dict[tuple[int, int], bytes] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Derive the key of each action once."""
        derived = {
            (number, action): self.keys.derive(f"token {action.name.lower()}", number)
            for number in self.keys.numbers
            for action in Action
        }
        object.__setattr__(self, "_by_purpose", derived)

    def minter(
        self, action: Action, list_: ListId = MAIN, *, moment: datetime | None = None
    ) -> Callable[[SubscriberId], str]:
        """Return `mint` for many subscribers, with all that is the same for them done once."""
        newest = self.keys.newest
        start = bytes((newest, action, list_))
        key = self._by_purpose[newest, action]
        stamp = _stamp(moment)

        def mint(subscriber: SubscriberId) -> str:
            body = start + subscriber.to_bytes(_SUBSCRIBER_BYTES, "big")
            mac = blake2b(body + stamp, digest_size=_MAC_BYTES, key=key).digest()
            return b2a_base64(body + mac, newline=False).translate(_URL_SAFE).decode("ascii")

        return mint

    def mint(
        self,
        action: Action,
        subscriber: SubscriberId,
        list_: ListId = MAIN,
        *,
        moment: datetime | None = None,
    ) -> str:
        """Return the token that lets its bearer do `action` for one subscriber of a list.

        Args:
            action: what it is for.
            subscriber: whose it is.
            list_: of the mail it stands in.
            moment: of the question that it answers; None: it answers none.
        """
        return self.minter(action, list_, moment=moment)(subscriber)

    def read(
        self, token: str, *, moment_of: Callable[[Ticket], datetime | None] | None = None
    ) -> Ticket:
        """Return what a token says.

        Args:
            token: as it came.
            moment_of: returns the moment that such a token must have been minted with, None if
                there is none that would do. The ticket it is given may still be a forged one.

        Raises:
            TokenError: it was not minted with these keys, or not with that moment.
        """
        if not _TOKEN.fullmatch(token):
            raise TokenError
        decoded = urlsafe_b64decode(token)
        body, mac = decoded[:-_MAC_BYTES], decoded[-_MAC_BYTES:]
        key = self._by_purpose.get((body[0], body[1]))
        if key is None:
            newer = self.keys.newer() if body[0] > self.keys.newest else None
            if newer is None:
                raise TokenError
            return Tokens(newer).read(token, moment_of=moment_of)
        subscriber = SubscriberId(int.from_bytes(body[3:], "big"))
        ticket = Ticket(Action(body[1]), subscriber, ListId(body[2]))
        moment = moment_of(ticket) if moment_of else None
        if moment_of and moment is None:
            raise TokenError
        ours = blake2b(body + _stamp(moment), digest_size=_MAC_BYTES, key=key).digest()
        if not hmac.compare_digest(mac, ours):
            raise TokenError
        return ticket


def _stamp(moment: datetime | None) -> bytes:
    return b"" if moment is None else microseconds(moment).to_bytes(_MOMENT_BYTES, "big")


class ReturnPath(Struct, frozen=True):
    """Envelope senders that say which delivery came back (VERP), and that nobody else can make."""

    keys: Keys
    domain: str

    def mint(self, delivery: DeliveryId) -> str:
        """Return the address that bounces of a delivery go to."""
        body = bytes((self.keys.newest,)) + delivery.to_bytes(_DELIVERY_BYTES, "big")
        return f"b-{b32encode(body + self._mac(body)).decode('ascii').lower()}@{self.domain}"

    def read(self, local_part: str) -> DeliveryId | None:
        """Return the delivery that an address, or its local part, was minted for; None: for none."""
        match = _RETURN_PATH.fullmatch(local_part.partition("@")[0])
        if match is None:
            return None
        decoded = b32decode(match[1].upper())
        body, mac = decoded[:-_RETURN_MAC_BYTES], decoded[-_RETURN_MAC_BYTES:]
        if body[0] > self.keys.newest and (newer := self.keys.newer()):
            return ReturnPath(newer, self.domain).read(local_part)
        if body[0] not in self.keys.numbers or not hmac.compare_digest(mac, self._mac(body)):
            return None
        return DeliveryId(int.from_bytes(body[1:], "big"))

    def _mac(self, body: bytes) -> bytes:
        key = self.keys.derive("return path", body[0])
        return blake2b(body, digest_size=_RETURN_MAC_BYTES, key=key).digest()


def message_id(keys: Keys, entry: EntryId, subscriber: SubscriberId, domain: str) -> str:
    """Return the Message-ID of an entry to a subscriber, without its angle brackets.

    It is the same on every attempt: a mailbox that gets the message twice can tell that it is
    one, and a bounce can be matched. It names nobody.
    """
    return message_ids(keys, entry, domain)(subscriber)


def message_ids(keys: Keys, entry: EntryId, domain: str) -> Callable[[SubscriberId], str]:
    """Return `message_id` with its key derived once, for all subscribers of an entry."""
    # Of the oldest key: a retry after a change of keys must not look like another message.
    key = keys.derive(f"message-id {entry}", keys.oldest)

    def make(subscriber: SubscriberId) -> str:
        mac = blake2b(b"%d" % subscriber, digest_size=12, key=key).digest()
        left = b2a_base64(mac, newline=False).translate(_URL_SAFE).decode("ascii")
        return f"{entry}.{left}@{domain}"

    return make


def address_hash(keys: Keys, normalised: str) -> str:
    """Return the keyed hash under which an address is suppressed: 32 hexadecimal digits.

    Without the key nobody can find out by trying whether an address is among them.
    """
    return address_hasher(keys)(normalised)


def address_hasher(keys: Keys) -> Callable[[str], str]:
    """Return `address_hash` with its key derived once, for many addresses."""
    # Of the oldest key, for ever: hashes cannot be computed anew once their addresses are erased.
    key = keys.derive("suppression", keys.oldest)

    def hash_address(normalised: str) -> str:
        return hmac.digest(key, normalised.encode(), "sha256")[:16].hex()

    return hash_address
