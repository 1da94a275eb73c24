"""What a form sent: its fields, where it stood, and when it was shown."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final, Self
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct
from starlette.requests import Request

from pipeline.audience.secrets import Keys

SOONEST: Final = timedelta(seconds=2)  # nobody types an address faster
LATEST: Final = timedelta(days=1)

_URLENCODED: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 500
_MOST_LETTERS: Final = 1000  # of one field; more is no answer to anything we ask
_TIME_BYTES: Final = 5
_MAC_BYTES: Final = 13  # 18 bytes in all: 24 characters of base64 without padding


class Form(Struct, frozen=True):
    """The fields of a form; whatever is missing or is not text of a form is empty."""

    fields: tuple[tuple[str, str], ...] = ()

    @classmethod
    async def of(cls, request: Request) -> Self:
        """Read the form of a request. A body in any other shape is a form without fields."""
        if request.headers.get("content-type", "").partition(";")[0].strip() != _URLENCODED:
            return cls()
        body = (await request.body()).decode("utf-8", "replace")
        try:
            pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError:
            return cls()
        return cls(tuple((name, value[:_MOST_LETTERS]) for name, value in pairs))

    def first(self, name: str) -> str | None:
        """Return the first value of a field, without spaces around it; None: it was not sent."""
        return next((value.strip() for key, value in self.fields if key == name), None)

    def __getitem__(self, name: str) -> str:
        """Return the same; empty if it was not sent."""
        return self.first(name) or ""

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a field, such as ticked boxes."""
        return tuple(value for key, value in self.fields if key == name)


class FormTimes(Struct, frozen=True):
    """When a form was shown, signed: a robot that never asked for the form has none."""

    keys: Keys

    def mint(self, now: datetime) -> str:
        """Return the stamp for a form shown at `now`."""
        time = int(now.timestamp()).to_bytes(_TIME_BYTES, "big")
        return urlsafe_b64encode(time + self._mac(time, self.keys.newest)).decode("ascii")

    def good(self, stamp: str, now: datetime) -> bool:
        """Whether a form was shown by us, at least SOONEST and at most LATEST ago."""
        try:
            decoded = urlsafe_b64decode(stamp.encode("ascii"))
        except (Error, ValueError):
            return False
        time, mac = decoded[:_TIME_BYTES], decoded[_TIME_BYTES:]
        if not any(
            hmac.compare_digest(mac, self._mac(time, number)) for number in self.keys.numbers
        ):
            return False
        # Whole seconds were written: what looks like two of them may be one and a little.
        age = now.timestamp() - int.from_bytes(time, "big")
        return SOONEST.total_seconds() <= age <= LATEST.total_seconds()

    def _mac(self, time: bytes, number: int) -> bytes:
        key = self.keys.derive("form time", number)
        return blake2b(time, digest_size=_MAC_BYTES, key=key).digest()


def from_elsewhere(request: Request, site_host: str) -> bool:
    """Whether a page of another site sent this, as far as the browser says.

    Browsers of the last years name the relation in Sec-Fetch-Site; older ones name the Origin.
    What names neither is no browser and carries nobody's cookies or network with it.
    """
    relation = request.headers.get("sec-fetch-site")
    if relation is not None:
        return relation not in {"same-origin", "none"}
    origin = request.headers.get("origin")
    if origin is None:
        return False
    try:
        host = urlsplit(origin).hostname
    except ValueError:
        return True
    return host not in {site_host, request.url.hostname}
