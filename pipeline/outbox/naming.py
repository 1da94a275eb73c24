"""Names of entries: short, plain, and safe as a folder on every system and in every URL."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from pipeline.errors import ConfigError
from pipeline.model.entry import EntryId

LONGEST: Final = 81  # characters

_PLAIN = re.compile(r"[a-z0-9][a-z0-9-]{0,80}")
# Windows opens a device instead of a folder of this name, so a clone of the outbox would fail.
_DEVICE = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]")


def entry_id(name: str) -> EntryId:
    """Return the entry name for a title, a slug or a file's stem.

    Letters lose their accents, capitals and company: "Änderungen & mehr" is `anderungen-mehr`.

    Raises:
        ConfigError: nothing is left of it, or it is a device name.
    """
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", re.sub(r"['\"`]", "", ascii_name.lower()))
    return checked("-".join(words)[:LONGEST].rstrip("-"), given=name)


def checked(entry: str, *, given: str | None = None) -> EntryId:
    """Return a name unchanged if it may be the name of an entry.

    Args:
        entry: the name.
        given: what the user wrote, for the message.

    Raises:
        ConfigError: it may not.
    """
    shown = given if given is not None else entry
    if not _PLAIN.fullmatch(entry):
        raise ConfigError(
            f"{shown!r} cannot name an outbox entry; use letters a-z, digits and hyphens, "
            "in the file's name or as `slug`"
        )
    if _DEVICE.fullmatch(entry):
        raise ConfigError(f"{shown!r} is the name of a device on Windows; choose another `slug`")
    return EntryId(entry)


def is_entry_name(name: str) -> bool:
    """Say whether a folder of this name is an entry."""
    return bool(_PLAIN.fullmatch(name)) and not _DEVICE.fullmatch(name)
