"""Judges one web address of a mail: what is wrong with it, if anything."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from msgspec import Struct

from pipeline.diagnostic import Severity
from pipeline.model.rendered import MergeSlot

_INVISIBLE: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]")
_LOCAL_NAMES: Final = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
_HIDDEN_RECIPIENTS: Final = frozenset({"to", "cc", "bcc"})
_SLOTS: Final = frozenset(slot.value for slot in MergeSlot)


class Fault(Struct, frozen=True):
    """What is wrong with an address, before anything is known of its place."""

    code: str
    severity: Severity
    words: str  # follow the address in a message
    help: str


INSECURE: Final = Fault(
    "P201", Severity.WARNING, "is not encrypted", "write https:// if the site has it"
)
RELATIVE: Final = Fault(
    "P202", Severity.ERROR, "is relative", "write the whole address, https://…"
)
SCHEME: Final = Fault(
    "P203", Severity.ERROR, "is not a web address", "use https://, http:// or mailto:"
)
BORROWED: Final = Fault("P204", Severity.ERROR, "has no scheme", "put https: in front of it")
LOCAL: Final = Fault(
    "P205",
    Severity.ERROR,
    "leads to a machine readers cannot reach",
    "use the public address of the page",
)
BROKEN: Final = Fault(
    "P206", Severity.ERROR, "is not a web address", "write the address as a browser shows it"
)
HIDDEN: Final = Fault("P209", Severity.WARNING, "adds recipients", "leave out to=, cc= and bcc=")


def fault(url: str) -> Fault | None:
    """Return what is wrong with an address, the worst first; None if nothing is.

    A merge slot is no fault, nor is a place inside the mail (`#place`).
    """
    url = url.strip(" ")
    if url in _SLOTS or (url.startswith("#") and len(url) > 1):
        return None
    # Browsers drop some of these and read backslashes as slashes: so would an attacker hope.
    if not url or url == "#" or _INVISIBLE.search(url):
        return BROKEN
    if url.replace("\\", "/").startswith("//"):
        return BORROWED
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return BROKEN
    match parts.scheme:
        case "":
            return RELATIVE
        case "cid":
            return None  # an attached picture; P214 looks for it
        case "mailto":
            return _mailto_fault(parts.path, parts.query)
        case "http" | "https":
            if not host or "\\" in parts.netloc:
                return BROKEN
            if _is_local(host):
                return LOCAL
            return INSECURE if parts.scheme == "http" else None
        case _:
            return SCHEME


@lru_cache(maxsize=4096)  # each word of the text part is asked for at each save
def normal(url: str) -> str:
    """Return an address as it is compared: in ASCII, escapes alike, no slash at its end."""
    return quote(url.strip(), safe="!#$%&'()*+,/:;=?@[]~", errors="replace").rstrip("/")


def _mailto_fault(recipient: str, query: str) -> Fault | None:
    if "@" not in recipient:
        return BROKEN
    names = {name.lower() for name, _ in parse_qsl(query, keep_blank_values=True)}
    return HIDDEN if "," in recipient or names & _HIDDEN_RECIPIENTS else None


def _is_local(host: str) -> bool:
    """Say whether only some machines know the way: bare names, private and odd numbers."""
    host = host.rstrip(".").lower()
    try:
        return not ip_address(host).is_global
    except ValueError:
        pass
    last = host.rpartition(".")[2]
    return "." not in host or host.endswith(_LOCAL_NAMES) or last.isdigit()
