"""A picture that travels with an entry: ready to be sent and published as it is."""

from __future__ import annotations

from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Final

from msgspec import Struct

MEDIA_TYPES: Final = MappingProxyType(
    {".gif": "image/gif", ".jpg": "image/jpeg", ".png": "image/png"}
)


class Picture(Struct, frozen=True, kw_only=True):
    """One file of an entry's `images/`; its bytes were written by us, not by its author."""

    name: str  # ^[a-z0-9][a-z0-9-]*-[0-9a-f]{8}\.(gif|jpg|png)$, the same bytes the same name
    data: bytes
    media_type: str  # one of MEDIA_TYPES
    width: int  # px of the file, which may have twice what is shown
    height: int


def media_type(name: str) -> str:
    """Return the media type of a picture's name.

    Raises:
        ValueError: no picture of ours has such a name.
    """
    suffix = PurePosixPath(name).suffix
    if suffix not in MEDIA_TYPES:
        raise ValueError(f"{name!r} does not end in {', '.join(MEDIA_TYPES)}")
    return MEDIA_TYPES[suffix]


def site_path(entry: str, name: str) -> str:
    """Return where a picture of an entry lies on the site, from its root, without a slash."""
    return f"images/{entry}/{name}"


def content_id(name: str, mail_domain: str) -> str:
    """Return what the HTML part calls an attached picture, after `cid:` (RFC 2392)."""
    return f"{name}@{mail_domain}"
