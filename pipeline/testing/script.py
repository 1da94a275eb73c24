"""Reads a plan while a dialogue goes on: which rule speaks now."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from pipeline.testing.plan import At, Each, Plan, Rule


@dataclass(frozen=True, slots=True)
class Script:
    """A plan and how often each of its rules had its moment."""

    plan: Plan
    _seen: Counter[tuple[int, object]] = field(default_factory=Counter)

    def rule(self, at: At, *, connection: int, recipient: str = "") -> Rule | None:
        """Return the rule that speaks at this moment, and count the moment."""
        for number, rule in enumerate(self.plan.rules):
            if rule.at is not at or not fnmatchcase(recipient, rule.recipient):
                continue
            scope: object = None
            if rule.each is Each.CONNECTION:
                scope = connection
            elif rule.each is Each.RECIPIENT:
                scope = recipient
            seen = self._seen[number, scope]
            self._seen[number, scope] += 1
            if seen >= rule.skip and (rule.times is None or seen < rule.skip + rule.times):
                return rule
        return None
