"""Plug-ins by name: one loader for the built-ins and for everybody else's (decision D16).

The built-ins are a table because reading all entry points costs some 70 ms; a name that is not
in it is looked up there, and `module:object` names a file nobody packaged. Every plug-in passes
the same public contracts in `pipeline.testing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pkgutil import resolve_name
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from pipeline.errors import ConfigError, UnknownPluginError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

BUILT_IN: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "formats": {
            "labelled": "pipeline.formats.labelled:FORMAT",
            "sectioned": "pipeline.formats.sectioned:FORMAT",
            "markdown": "pipeline.formats.markdown:FORMAT",
        },
        "senders": {
            "smtp": "pipeline.senders.smtp:build",
            "eml": "pipeline.senders.eml:build",
            "console": "pipeline.senders.console:build",
        },
        "feeds": {
            "rss": "pipeline.publish.rss:FEED",
            "atom": "pipeline.publish.atom:FEED",
            "json": "pipeline.publish.jsonfeed:FEED",
        },
        "preflight": {"standard": "pipeline.preflight:RULES"},
    }
)


class Installed(Struct, frozen=True, kw_only=True):
    """A plug-in as `broadsheet plugins` shows it."""

    group: str
    name: str
    target: str  # module:object
    distribution: str


def load(group: str, name: str) -> Any:
    """Return the plug-in `name` of `group`.

    Args:
        group: last word of the entry-point group, such as `senders`.
        name: a built-in, an entry-point name, or `module:object`.

    Raises:
        UnknownPluginError: nothing of that name; the message lists what is installed.
        ConfigError: it is there, but does not import.
    """
    target = BUILT_IN[group].get(name) or (name if ":" in name else None)
    try:
        if target:
            return resolve_name(target)
        for entry_point in _entry_points(group):
            if entry_point.name == name:
                return entry_point.load()
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"the {group} plug-in {name!r} does not load: {error}") from error
    raise UnknownPluginError(group, name, [plugin.name for plugin in installed(group)])


def load_all(group: str) -> tuple[Any, ...]:
    """Return every plug-in of a group, the built-ins first."""
    return tuple(load(group, plugin.name) for plugin in installed(group))


def installed(group: str) -> tuple[Installed, ...]:
    """List what can be loaded by name, the built-ins first."""
    built_in = [
        Installed(group=group, name=name, target=target, distribution="broadsheet")
        for name, target in BUILT_IN[group].items()
    ]
    others = [
        Installed(
            group=group,
            name=entry_point.name,
            target=entry_point.value,
            distribution=entry_point.dist.name if entry_point.dist else "?",
        )
        for entry_point in _entry_points(group)
        if entry_point.name not in BUILT_IN[group]
    ]
    return (*built_in, *sorted(others, key=lambda plugin: plugin.name))


def _entry_points(group: str) -> Iterable[EntryPoint]:
    return _all_entry_points().get(f"pipeline.{group}", {}).values()


@cache
def _all_entry_points() -> Mapping[str, Mapping[str, EntryPoint]]:
    """Return our groups by name; of two distributions that are called alike the first counts.

    Read on a miss only, and once: looking through what is installed costs more than a whole
    small command.
    """
    from importlib.metadata import distributions

    groups: dict[str, dict[str, EntryPoint]] = {}
    for distribution in distributions():
        if "[pipeline." not in (distribution.read_text("entry_points.txt") or ""):
            continue  # of a hundred that are installed one may be ours: the others are not parsed
        for entry_point in distribution.entry_points:
            if entry_point.group.startswith("pipeline."):
                groups.setdefault(entry_point.group, {}).setdefault(entry_point.name, entry_point)
    return groups
