"""What findings count: by the settings of the newsletter, and by the word of an issue's author."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.model.issue import Issue
from pipeline.preflight.catalogue import checks
from pipeline.preflight.finding import note, warning

_OF_THE_NETWORK: Final = "P25"


def judge(
    issue: Issue,
    found: Sequence[Diagnostic],
    *,
    severity: Mapping[str, Severity | None],
    known: Collection[str] = (),
) -> tuple[Diagnostic, ...]:
    """Return the findings as they count, and what is wrong with the issue's list (P001, P002).

    A finding the issue allows becomes a note marked as allowed. Nobody can lower a check that
    is `fixed`. Pure.

    Args:
        issue: whose `allow` holds.
        found: what rules said, under their own severity.
        severity: by code; None leaves the findings of that code out.
        known: codes beside those of preflight that an issue may allow.
    """
    if not issue.allow and not severity:
        return tuple(found)
    refused = [code for code in dict.fromkeys(issue.allow) if not _can_be_lowered(code, known)]
    there = {each.code for each in found}
    left = [code for code in issue.allow if code not in {*refused, *there}]
    more = [*_refusals(issue, refused), *_leftovers(issue, left)]
    return weigh(issue, [*found, *more], severity=severity)


def weigh(
    issue: Issue, found: Sequence[Diagnostic], *, severity: Mapping[str, Severity | None]
) -> tuple[Diagnostic, ...]:
    """Return the findings as they count. Pure."""
    allowed = {code for code in issue.allow if not lowers(code, None)}
    return tuple(_counted(found, severity, allowed))


def lowers(code: str, severity: Severity | None) -> bool:
    """Say whether this would weaken a check that nobody can weaken."""
    check = checks().get(code)
    return check is not None and check.fixed and severity is not check.severity


def _counted(
    found: Sequence[Diagnostic], severity: Mapping[str, Severity | None], allowed: set[str]
) -> Iterator[Diagnostic]:
    for each in found:
        level = severity.get(each.code, each.severity)
        if level is None:
            continue
        if each.code in allowed:
            why = f"allowed by the issue; otherwise: {level}"
            yield replace(each, severity=Severity.NOTE, allowed=True, note=each.note or why)
        else:
            yield replace(each, severity=level)


def _can_be_lowered(code: str, known: Collection[str]) -> bool:
    check = checks().get(code)
    return not check.fixed if check else code in known and not code.startswith("E")


def _refusals(issue: Issue, refused: Sequence[str]) -> Iterator[Diagnostic]:
    for code in refused:
        said = "nobody can allow" if code in checks() else "is not known"
        yield warning(
            "P001",
            f"the issue allows {code}, which {said}",
            help_="correct the code in `allow`, or remove it",
            issue=issue,
            pointer="/allow",
        )


def _leftovers(issue: Issue, codes: Sequence[str]) -> Iterator[Diagnostic]:
    for code in dict.fromkeys(codes):
        if code.startswith(_OF_THE_NETWORK):  # nobody asked it here
            continue
        yield note(
            "P002",
            f"the issue allows {code}, and there is no such finding",
            help_="remove the code from `allow`",
            issue=issue,
            pointer="/allow",
        )
