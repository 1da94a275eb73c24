"""When two domains belong together, as DMARC's relaxed alignment asks (RFC 9989)."""

from __future__ import annotations

from typing import Final

# As in "co.uk", "com.au" and "net.pl": below a country, everybody registers under these.
_OPEN_TO_ALL: Final = frozenset(
    {"ac", "co", "com", "edu", "go", "gob", "gov", "gv", "ltd", "ne", "net", "or", "org", "plc"}
)


def aligned(one: str, other: str, *, strict: bool = False) -> bool:
    """Return whether two domains are of one organisation.

    The list of public suffixes is not asked for. A domain and one beneath it are aligned; so are
    two beneath the same parent, unless the parent looks like a registry.

    Pure: no clock, no network.
    """
    one, other = one.lower().rstrip("."), other.lower().rstrip(".")
    if one == other or strict:
        return bool(one) and one == other
    if not one or not other:
        return False
    if one.endswith(f".{other}") or other.endswith(f".{one}"):
        return "." in min(one, other, key=len)
    shared: list[str] = []
    for left, right in zip(reversed(one.split(".")), reversed(other.split(".")), strict=False):
        if left != right:
            break
        shared.insert(0, left)
    return not _is_registry(".".join(shared))


def parents(domain: str) -> list[str]:
    """Return the domain and those above it, but for the top: the tree walk of RFC 9989."""
    labels = domain.lower().rstrip(".").split(".")
    return [".".join(labels[at:]) for at in range(max(1, len(labels) - 1))]


def _is_registry(domain: str) -> bool:
    match [label for label in domain.split(".") if label]:
        case [name, country]:
            return name in _OPEN_TO_ALL and len(country) == 2
        case labels:
            return len(labels) < 2
