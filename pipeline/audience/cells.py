"""What the cells of an import mean: a status, a language, a zone, tags, a proof of consent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from pipeline.audience.columns import letters
from pipeline.audience.naming import tag_name
from pipeline.errors import ConfigError
from pipeline.model.subscriber import SubscriberState, SuppressionReason

STATUSES: Final[Mapping[str, SubscriberState | SuppressionReason]] = {
    **dict.fromkeys(
        ("", "active", "subscribed", "confirmed", "enabled", "ok", "yes"), SubscriberState.ACTIVE
    ),
    **dict.fromkeys(("pending", "unconfirmed", "unverified"), SubscriberState.PENDING),
    **dict.fromkeys(
        ("unsubscribed", "unsubscribe", "optedout", "optout", "no"), SubscriberState.UNSUBSCRIBED
    ),
    **dict.fromkeys(
        ("bounced", "bounce", "hardbounced", "hardbounce", "cleaned", "undeliverable"),
        SuppressionReason.BOUNCED,
    ),
    **dict.fromkeys(
        ("complained", "complaint", "spam", "spamcomplaint", "abuse"), SuppressionReason.COMPLAINED
    ),
    **dict.fromkeys(
        ("suppressed", "blocked", "blocklisted", "blacklisted", "disabled"),
        SuppressionReason.MANUAL,
    ),
}

_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}")  # RFC 5646, in short
_BETWEEN_TAGS: Final = re.compile(r"[,;|]")
_CACHED: Final = 4096  # a column of a million rows has few different values


class CellError(ValueError):
    """A cell that means nothing; the person counts without it."""


@lru_cache(_CACHED)
def meaning(status: str) -> SubscriberState | SuppressionReason | None:
    """Return what a status means; None if nobody knows, and then nobody may be written to."""
    return STATUSES.get(letters(status))


@lru_cache(_CACHED)
def language_in(cell: str) -> str | None:
    """Return a BCP 47 tag as "de-AT", also of a locale as "de_AT.UTF-8"; None for an empty cell.

    Raises:
        CellError: it is none, as "German" is.
    """
    if not cell:
        return None
    found = cell.partition(".")[0].replace("_", "-")
    if not _LANGUAGE.fullmatch(found):
        raise CellError(f"{cell[:40]!a} is no language tag such as de or pt-BR")
    first, *rest = found.split("-")
    return "-".join([first.lower(), *(each.upper() if len(each) == 2 else each for each in rest)])


@lru_cache(_CACHED)
def zone_in(cell: str) -> str | None:
    """Return a time zone by its IANA name, whatever its capitals; None for an empty cell.

    Raises:
        CellError: there is none of that name.
    """
    if not cell:
        return None
    found = _zones().get(cell.casefold().replace(" ", "_"))
    if found is None:
        raise CellError(f"{cell[:40]!a} is no time zone such as Europe/Berlin")
    return found


@lru_cache(_CACHED)
def tags_in(cell: str) -> frozenset[str]:
    """Return the tags of a cell, which stand between commas, semicolons or bars.

    Raises:
        CellError: one can be none.
    """
    try:
        return frozenset(tag_name(each) for each in _BETWEEN_TAGS.split(cell) if each.strip())
    except ConfigError as error:
        raise CellError(str(error)) from error


def proof_in(on: str, how: str) -> str:
    """Return when and how somebody agreed, as the file says; empty if it does not."""
    return ", ".join(part for part in (on, how) if part)


@lru_cache(1)
def _zones() -> Mapping[str, str]:
    from zoneinfo import available_timezones  # reads a folder; only for files that have zones

    return {name.casefold(): name for name in available_timezones()}
