"""How often something may be asked of us; moving windows in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock
from time import monotonic
from types import MappingProxyType
from typing import Final, NamedTuple

_MOST_KEYS: Final = 20_000  # of one rule; about 10 MB when an attacker fills them all


class Rule(StrEnum):
    """What is counted, and by what."""

    SUBSCRIBE_NETWORK = "subscribe by network"
    SUBSCRIBE_WIDE = "subscribe by wide network"
    SUBSCRIBE_DOMAIN = "subscribe by domain of the address"
    SUBSCRIBE_ADDRESS = "subscribe by address"
    SUBSCRIBE_DAY = "subscribe by address in a day"
    SUBSCRIBE_WORLD = "subscribe by anybody"
    CHANGE_NETWORK = "change by network"


class Limit(NamedTuple):
    """So many in any window of so many seconds."""

    most: int
    window_s: float


# A one-click POST is in no rule: a mailbox provider sends thousands of them from one network.
LIMITS: Final[Mapping[Rule, Limit]] = MappingProxyType(
    {
        Rule.SUBSCRIBE_NETWORK: Limit(20, 600),
        # A tenth of everybody's, so that no single network can use it up.
        Rule.SUBSCRIBE_WIDE: Limit(300, 3600),
        # More than one wide network may: locking a domain out takes several, too.
        Rule.SUBSCRIBE_DOMAIN: Limit(600, 3600),
        Rule.SUBSCRIBE_ADDRESS: Limit(5, 3600),
        Rule.SUBSCRIBE_DAY: Limit(10, 86_400),
        Rule.SUBSCRIBE_WORLD: Limit(3000, 3600),
        Rule.CHANGE_NETWORK: Limit(120, 60),
    }
)


@dataclass(frozen=True, slots=True)
class Rates:
    """Counts what was allowed; any thread may ask. A restart forgets, which is no harm."""

    clock_s: Callable[[], float] = monotonic
    limits: Mapping[Rule, Limit] = field(default_factory=lambda: LIMITS, repr=False)
    _seen: dict[Rule, dict[str, deque[float]]] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def allow(self, rule: Rule, key: str = "") -> bool:
        """Count one more and return True, or return False and count nothing."""
        most, window_s = self.limits[rule]
        now = self.clock_s()
        with self._lock:
            keys = self._seen.setdefault(rule, {})
            times = keys.pop(key, None) or deque()
            while times and times[0] <= now - window_s:
                times.popleft()
            allowed = len(times) < most
            if allowed:
                times.append(now)
            keys[key] = times  # the last in order: the first ones were quiet for longest
            if len(keys) > _MOST_KEYS:
                del keys[next(iter(keys))]
            return allowed
