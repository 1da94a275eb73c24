"""A rule, what it found, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Any, Generic, TypeVar

from msgspec import Struct

from pipeline.errors import BroadsheetError

Subject = TypeVar("Subject")


class Level(StrEnum):
    """Who wants it; only SHOULD may be left undone."""

    MUST = "must"  # a standard
    SHOULD = "should"  # a standard, or what experience asks for
    PROVIDER = "provider"  # the large mailbox providers, or the mail goes to spam
    LAW = "law"


class Status(StrEnum):
    """What became of a rule."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


class Finding(Struct, frozen=True):
    """Something that breaks a rule."""

    seen: str  # one line, no full stop
    remedy: str = ""  # what to do; empty is what the rule says


class NotChecked(Struct, frozen=True):
    """Why nobody can tell; neither passed nor failed."""

    why: str


Said = Finding | NotChecked


class Outage(BroadsheetError):
    """Somebody who was asked did not answer; whoever asked us to look has no proof then."""

    exit_code = 75

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.remedy = remedy  # empty is what the rule says
        super().__init__(problem)


class Rule(Struct, Generic[Subject], frozen=True, kw_only=True):
    """One sentence that holds, who says so, and how to see whether it does."""

    code: str  # stable, never used again; docs/doctor.md lists them
    title: str  # the law itself
    level: Level
    source: str  # such as "RFC 8058 3.1"
    remedy: str  # what to do when it does not hold
    check: Callable[[Subject], Iterable[Said]]


class Result(Struct, frozen=True, kw_only=True):
    """What became of one rule."""

    rule: Rule[Any]
    family: str
    status: Status
    findings: tuple[Finding, ...] = ()  # with their remedies; only when FAILED
    why: str = ""  # only when NOT_CHECKED

    @property
    def severe(self) -> bool:
        """Whether it failed and had to hold."""
        return self.status is Status.FAILED and self.rule.level is not Level.SHOULD


class Family(Struct, Generic[Subject], frozen=True, kw_only=True):
    """Rules that look at the same thing."""

    name: str
    about: str  # one sentence for the documentation
    rules: tuple[Rule[Subject], ...]

    def examine(self, subject: Subject | NotChecked) -> Iterator[Result]:
        """Yield what becomes of each rule, in the order of the table."""
        for rule in self.rules:
            yield self._result(rule, subject)

    def _result(self, rule: Rule[Subject], subject: Subject | NotChecked) -> Result:
        if isinstance(subject, NotChecked):
            return self._not_checked(rule, subject.why)
        try:
            said = list(rule.check(subject))
        except Outage as error:
            said = [Finding(str(error), error.remedy)]
        findings = tuple(
            each if each.remedy else Finding(each.seen, rule.remedy)
            for each in said
            if isinstance(each, Finding)
        )
        if findings:
            return Result(rule=rule, family=self.name, status=Status.FAILED, findings=findings)
        skipped = [each.why for each in said if isinstance(each, NotChecked)]
        if skipped:
            return self._not_checked(rule, skipped[0])
        return Result(rule=rule, family=self.name, status=Status.PASSED)

    def _not_checked(self, rule: Rule[Subject], why: str) -> Result:
        return Result(rule=rule, family=self.name, status=Status.NOT_CHECKED, why=why)
