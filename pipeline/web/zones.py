"""The time zones a reader chooses from."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

Group = tuple[str, tuple[tuple[str, str], ...]]


@cache
def zones() -> tuple[Group, ...]:
    """Return the zones of the tz database's zone.tab by region: name, and what is shown."""
    table = files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8")
    names = sorted(
        line.split("\t")[2].strip() for line in table.splitlines() if not line.startswith("#")
    )
    regions: dict[str, list[tuple[str, str]]] = {}
    for name in names:
        region, _, place = name.partition("/")
        shown = place.replace("_", " ").replace("/", ", ")
        regions.setdefault(region, []).append((name, shown))
    regions["UTC"] = [("UTC", "UTC")]
    return tuple((region, tuple(found)) for region, found in regions.items())


@cache
def known(name: str) -> bool:
    """Whether a name is one of them."""
    return any(name == zone for _, group in zones() for zone, _ in group)
