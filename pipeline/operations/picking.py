"""Whom the rule of an audience picks, as the database asks it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement

from pipeline.model.audience import Audience


def condition(audience: Audience, now: datetime) -> ColumnElement[bool] | None:
    """Return the condition of an audience's rule; None: it has no rule.

    Args:
        audience: whose.
        now: aware, UTC; what days in the rule count from.

    Raises:
        RuleError: the rule cannot be read, and where.
    """
    if not audience.rule:
        return None
    from pipeline.audience.segments.parsing import parse_rule
    from pipeline.storage.segments import compile_rule

    return compile_rule(parse_rule(audience.rule), now=now)
