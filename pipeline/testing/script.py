"""Reads a plan while a dialogue goes on: which rule speaks now."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase

from msgspec import Struct, field

from pipeline.testing.plan import At, Each, Plan, Rule

_Place = tuple[int, object]  # a rule's number, and what it counts over


@dataclass(slots=True)
class _Bucket:
    """As many moments as fit into a second, filled evenly."""

    held: float
    filled_at: float  # seconds of the event loop's clock

    def take(self, rate: float, now: float) -> bool:
        self.held = min(max(rate, 1.0), self.held + (now - self.filled_at) * rate)
        self.filled_at = now
        if self.held < 1.0:
            return False
        self.held -= 1.0
        return True


class Script(Struct, frozen=True):
    """A plan and how often each of its rules had its moment."""

    plan: Plan
    _seen: Counter[_Place] = field(default_factory=Counter)
    _buckets: dict[_Place, _Bucket] = field(default_factory=dict)

    def rule(
        self, at: At, *, connection: int, live: int, now: float, recipient: str = ""
    ) -> Rule | None:
        """Return the rule that speaks at this moment, and count the moment.

        Args:
            at: the moment of the dialogue.
            connection: the number of the connection.
            live: how many are open, this one included.
            now: seconds of the event loop's clock.
            recipient: the address at stake, if there is one.
        """
        for number, rule in enumerate(self.plan.rules):
            if rule.at is not at or not fnmatchcase(recipient, rule.recipient):
                continue
            if rule.busier_than is not None and live <= rule.busier_than:
                continue
            scope: object = None
            if rule.each is Each.CONNECTION:
                scope = connection
            elif rule.each is Each.RECIPIENT:
                scope = recipient
            place = (number, scope)
            if rule.faster_than is not None and self._has_room(place, rule.faster_than, now):
                continue
            seen = self._seen[place]
            self._seen[place] += 1
            if seen >= rule.skip and (rule.times is None or seen < rule.skip + rule.times):
                return rule
        return None

    def _has_room(self, place: _Place, rate: float, now: float) -> bool:
        bucket = self._buckets.setdefault(place, _Bucket(held=max(rate, 1.0), filled_at=now))
        return bucket.take(rate, now)
