"""Finds the format of a file from what is in it; its name only tips the scales."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Final

from msgspec.structs import replace

from pipeline.formats.diagnosis import Diagnosis
from pipeline.formats.port import Format, Score
from pipeline.formats.source import SourceText

ENOUGH: Final = 30  # points: less is no evidence
LEAD: Final = 15  # points the best must be ahead of the second
FILE_NAME: Final = 15  # points, the most a suffix can add


def scores(source: SourceText, formats: Sequence[Format]) -> tuple[Score, ...]:
    """Return what every format makes of a text, best first."""
    suffix = PurePath(source.file).suffix.lower()
    judged = [_with_name(format_.sniff(source), format_, suffix) for format_ in formats]
    return tuple(sorted(judged, key=lambda score: -score.points))


def choose(source: SourceText, formats: Sequence[Format]) -> Format:
    """Return the one format that fits.

    Raises:
        IssueError: E002, with the table of scores in its note.
    """
    best, *others = scores(source, formats)
    second = others[0].points if others else 0
    if best.points >= ENOUGH and best.points - second >= LEAD:
        return next(format_ for format_ in formats if format_.name == best.format)
    names = "|".join(sorted(format_.name for format_ in formats))
    raise Diagnosis(source.file, source.lines).fatal(
        "E002",
        "cannot tell the format of this file",
        note="; ".join(_row(score) for score in (best, *others)),
        remedy=f"name it with --from {names}",
    )


def _with_name(score: Score, format_: Format, suffix: str) -> Score:
    if suffix not in format_.suffixes:
        return score
    return replace(
        score,
        points=min(100, score.points + FILE_NAME),
        reasons=(*score.reasons, f"file name ends in {suffix}"),
    )


def _row(score: Score) -> str:
    reasons = f" ({', '.join(score.reasons)})" if score.reasons else ""
    return f"{score.format} {score.points}{reasons}"
