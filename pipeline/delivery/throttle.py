"""Whether a message may leave now, by relay, by recipient domain and by day."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from pipeline.delivery.bucket import DAY_S, Bucket, Pause, Quota
from pipeline.delivery.pushback import LearnedRate, Pushback, pushback
from pipeline.model.delivery import Accepted, Outcome, RelayLimits
from pipeline.model.moment import moment

# Relays count their quota over a day of their own, or over the last 24 hours; none says which. A
# few refused messages an hour find out, and words misread cost an hour.
QUOTA_PAUSE_S: Final = 3600.0
OTHERS: Final = "*"  # stands for each recipient domain that is not named
MANY_DOMAINS: Final = 4096  # buckets of unnamed domains before full ones are thrown away

_SECOND: Final = 1.0
_SHORTEST_LOOK_S: Final = 0.1  # a rate measured over less says nothing
_LONGEST_LOOK_S: Final = 5.0  # over more, it was not in use
_FIRST_DAY: Final = date(1970, 1, 1).toordinal()
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Throttle:
    """What every relay and every recipient domain may take.

    In memory, and for one thread. All moments are seconds since 1970; they may jump. A jump back
    gives nothing away, and no wait becomes longer than it was when it was told.
    """

    def __init__(
        self,
        relays: Mapping[str, RelayLimits],
        domains: Mapping[str, float],
        *,
        remembered: Mapping[str, str] = _NOTHING,
    ) -> None:
        """Start from what is configured and what was learned.

        Args:
            relays: limits by name; a relay that is not here has none.
            domains: messages a second by recipient domain; "*" is for each other one.
            remembered: what `remembered` returned once; what cannot be read is ignored.
        """
        self._relays = {
            name: _Relay(limits, _facts(remembered.get(name, "")))
            for name, limits in relays.items()
        }
        self._rates = {domain.lower(): rate for domain, rate in domains.items()}
        self._named = {
            domain: Bucket(rate) for domain, rate in self._rates.items() if domain != OTHERS
        }
        self._others: dict[str, Bucket] = {}
        self._sweep_at = MANY_DOMAINS

    def wait(self, relay: str, domain: str, now: float) -> float:
        """Take what a message needs of the relay and of the domain: all of it, or nothing.

        Returns:
            0.0: taken, send it. Else the seconds until asking again is worth it; `math.inf` is
            never.
        """
        way = self._relays.get(relay) or self._add(relay)
        if way.free and not self._rates:  # by far the most calls
            way.count(now)
            return 0.0
        bucket = self._bucket(domain, now) if self._rates else None
        wait = way.left(now)
        if bucket is not None:
            wait = max(wait, bucket.left(now))
        if wait == 0.0:
            way.take(now)
            if bucket is not None:
                bucket.take(now)
        return wait

    def relay_wait(self, relay: str, now: float) -> float:
        """Return what `wait` would of the relay alone, and take nothing.

        It tells whether a message to another domain could leave.
        """
        return (self._relays.get(relay) or self._add(relay)).left(now)

    def domain_wait(self, domain: str, now: float) -> float:
        """Return what `wait` would of the recipient domain alone, and take nothing."""
        bucket = self._bucket(domain, now) if self._rates else None
        return bucket.left(now) if bucket else 0.0

    def give_back(self, relay: str, domain: str, now: float) -> None:  # noqa: ARG002 - see below
        """Take a message that did not leave after all off the day's count.

        Paces keep their token: it was good for a moment that is over. To use it later, beside
        that moment's own, would be two at once.
        """
        (self._relays.get(relay) or self._add(relay)).give_back(now)

    def heard(self, relay: str, outcome: Outcome, now: float) -> None:
        """Slow down if the relay pushes back; call it with every outcome.

        Acceptances count too: without one since the last cut, a relay is down rather than slow.
        """
        way = self._relays.get(relay) or self._add(relay)
        if type(outcome) is Accepted:
            way.learned.proven = True
        elif said := pushback(outcome):
            way.pushed_back(said, now)

    def paused_until(self, now: float) -> float | None:
        """Return when the first relay has quota again, in seconds since 1970; `math.inf` is never.

        None: one has some now, so there is something to wait for here.
        """
        wait = min((way.out_of_quota(now) for way in self._relays.values()), default=0.0)
        return now + wait if wait else None

    def remembered(self) -> Mapping[str, str]:
        """Return what must outlive the process, as JSON by the relay's name."""
        return {
            name: json.dumps(way.facts, separators=(",", ":"), sort_keys=True)
            for name, way in self._relays.items()
        }

    def describe(self, now: float) -> tuple[str, ...]:
        """Say it for people, a line each: relays first, then domains; nothing of what is free."""
        relays = (
            f"{name}: {words}"
            for name, way in self._relays.items()
            if (words := way.describe(now))
        )
        domains = (
            f"{'each other domain' if domain == OTHERS else domain}: {_per(rate)}"
            for domain, rate in self._rates.items()
        )
        return (*relays, *domains)

    def _add(self, name: str) -> _Relay:
        self._relays[name] = way = _Relay(RelayLimits(), {})
        return way

    def _bucket(self, domain: str, now: float) -> Bucket | None:
        domain = domain.lower()
        bucket = self._named.get(domain) or self._others.get(domain)
        if bucket is None and OTHERS in self._rates:
            if len(self._others) >= self._sweep_at:
                self._others = {
                    name: other for name, other in self._others.items() if not other.is_full(now)
                }
                self._sweep_at = max(MANY_DOMAINS, 2 * len(self._others))
            bucket = self._others[domain] = Bucket(self._rates[OTHERS])
        return bucket


class _Relay:
    """One relay: its pace, its quota, its pauses, and how fast it was used."""

    __slots__ = (
        "_bucket",
        "_configured",
        "_measured",
        "_pause",
        "_quota",
        "_since",
        "_taken",
        "_until",
        "free",
        "learned",
    )

    def __init__(self, limits: RelayLimits, facts: Mapping[str, Any]) -> None:
        self._configured = limits.rate
        self._pause = Pause(QUOTA_PAUSE_S)
        self._pause.until = facts.get("paused_until", -math.inf)
        limited = limits.daily is not None or bool(limits.warm_up)
        self._quota = Quota(limits, facts.get("days", {})) if limited else None
        self.learned = LearnedRate()
        if "rate" in facts:
            top = limits.rate if limits.rate is not None else facts["top"]
            self.learned.recall(facts["rate"], facts["refused_at"], top)
        rate = self.learned.rate or limits.rate
        self._bucket = None if rate is None else Bucket(rate)
        self._taken, self._since, self._until = 0, -math.inf, -math.inf  # the second that runs
        self._measured = 0.0  # messages a second, in the last whole one
        self.free = False  # nothing limits it: it need not be asked

    def left(self, now: float) -> float:
        """Return the seconds until it takes a message: 0.0 is now, `math.inf` never."""
        if self.free:
            return 0.0
        if self.learned.rate is not None and self.learned.speed_up(now):
            self._set_pace()
        pace = self._bucket.left(now) if self._bucket else 0.0
        wait = max(pace, self.learned.pause.left(now), self.out_of_quota(now))
        self.free = wait == 0.0 and self._bucket is None and self._quota is None
        return wait

    def out_of_quota(self, now: float) -> float:
        """Return the seconds until it has quota; 0.0: it has."""
        if self._bucket and self._bucket.closed:
            return math.inf
        of_the_day = self._quota.left(now) if self._quota else 0.0
        return max(of_the_day, self._pause.left(now))

    def count(self, now: float) -> None:
        """Count a message that leaves, to know how fast it goes."""
        self._taken += 1
        if not self._since <= now < self._until:
            self._measure(now)

    def take(self, now: float) -> None:
        """Take a message's share; `left` was 0.0."""
        self.count(now)
        if self._bucket is not None:
            self._bucket.take(now)
        if self._quota is not None:
            self._quota.take(now)

    def give_back(self, now: float) -> None:
        """Take a message off the day's count."""
        if self._quota is not None:
            self._quota.give_back(now)

    def pushed_back(self, said: Pushback, now: float) -> None:
        """Do as the relay says."""
        self.free = False
        if said is Pushback.QUOTA:
            self._pause.until = now + QUOTA_PAUSE_S
            return
        used = self._observed(now) if self._configured is None else self._configured
        top = 2 * used if self._configured is None else self._configured
        self.learned.slow_down(used, top, now)
        self._set_pace()

    @property
    def facts(self) -> dict[str, Any]:
        """Return what is worth remembering; see `_facts`."""
        facts: dict[str, Any] = dict(self.learned.facts)
        if math.isfinite(self._pause.until):
            facts["paused_until"] = self._pause.until
        if self._quota:
            facts["days"] = {
                date.fromordinal(_FIRST_DAY + day).isoformat(): count
                for day, count in self._quota.counts.items()
                if count
            }
        return facts

    def describe(self, now: float) -> str:
        """Say it for people, without the name; nothing if it is without limit."""
        said = []
        if self.learned.rate is not None:
            if self._configured is None:
                usual = "by the relay"
            else:
                usual = f"from {_per(self._configured)}"
            said.append(f"{_per(self.learned.rate)}, slowed down {usual}")
        elif self._configured is not None:
            said.append(_per(self._configured))
        if self._quota:
            said.append(self._describe_day(self._quota, int(now // DAY_S)))
        if self._pause.left(now):
            said.append(f"quota used up, paused until {_time(self._pause.until)}")
        return ", ".join(said)

    def _describe_day(self, quota: Quota, day: int) -> str:
        allowed, number = quota.allowed(day), quota.warm_up_day(day)
        used = f"{quota.counts.get(day, 0):,}"
        words = f"{used} today" if allowed == math.inf else f"{used} of {allowed:,} today"
        return words if number is None else f"{words} (day {number + 1} of the warm-up)"

    def _set_pace(self) -> None:
        rate = self.learned.rate or self._configured
        if rate is None:
            self._bucket = None
        elif self._bucket is None:
            self._bucket = Bucket(rate)
        else:
            self._bucket.pace(rate)

    def _observed(self, now: float) -> float:
        """Return the messages a second of the last whole second, or as far as there is one."""
        return self._measured or max(self._taken, 1) / max(now - self._since, _SHORTEST_LOOK_S)

    def _measure(self, now: float) -> None:
        elapsed = now - self._since
        in_use = _SECOND <= elapsed <= _LONGEST_LOOK_S
        self._measured = (self._taken - 1) / elapsed if in_use else 0.0
        self._taken, self._since, self._until = 1, now, now + _SECOND


def _per(rate: float) -> str:
    """Return a rate in the shortest unit that shows it."""
    for unit, seconds in (("s", 1), ("min", 60), ("h", 3600)):
        if rate * seconds >= 1 or unit == "h":
            break
    return f"{rate * seconds:,.1f}/{unit}"


def _time(now: float) -> str:
    return f"{moment(round(now * 1_000_000)):%Y-%m-%d %H:%M} UTC"


def _facts(text: str) -> dict[str, Any]:
    """Read what `_Relay.facts` wrote; anything else is nothing."""
    try:
        stored = json.loads(text)
        facts: dict[str, Any] = {}
        if "rate" in stored:
            facts |= {name: _positive(stored[name]) for name in ("rate", "refused_at", "top")}
        if "paused_until" in stored:
            facts["paused_until"] = _positive(stored["paused_until"])
        facts["days"] = {
            date.fromisoformat(day).toordinal() - _FIRST_DAY: int(_positive(count))
            for day, count in stored.get("days", {}).items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return {}
    return facts


def _positive(number: object) -> float:
    """Return a number that is one.

    Raises:
        ValueError: it is none, or not above 0, or not finite.
    """
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError(f"not a number: {number!r}")  # noqa: TRY004 - what is stored is a value
    if not 0 < number < math.inf:
        raise ValueError(f"out of range: {number!r}")
    return float(number)
