"""The line an inbox shows after the subject."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pipeline.model.issue import Issue
from pipeline.model.reading import block_text, story_label
from pipeline.render.characters import legible, one_line

SHORTEST: Final = 40  # characters; below, inboxes fill up with the first words of the masthead
LONGEST: Final = 140

_SENTENCE_END: Final = re.compile(r"(?<=[\w%)\]”’\"'][.!?。！？])(?=\s|$)")


def preheader(issue: Issue) -> str:
    """Return the subtitle, else the first sentences of the intro, else the stories' labels.

    What is too short goes on with the next of the three; what is too long ends after a sentence
    or a word. An issue with few words can stay below SHORTEST. Pure.
    """
    line = ""
    for part in _parts(issue):
        line = f"{line} · {part}" if line else part
        if len(line) >= SHORTEST:
            break
    return _shortened(line)


def _parts(issue: Issue) -> Iterator[str]:
    candidates = (
        issue.subtitle or "",
        " ".join(block_text(issue.intro)),
        " · ".join(story_label(story) for story in issue.stories),
    )
    for candidate in candidates:
        if words := one_line(legible(candidate)):
            yield words


def _shortened(line: str) -> str:
    if len(line) <= LONGEST:
        return line
    ends = [match.start() for match in _SENTENCE_END.finditer(line, 0, LONGEST + 1)]
    if ends and ends[-1] >= SHORTEST:
        return line[: ends[-1]]
    cut = line[:LONGEST]
    shorter = cut.rsplit(" ", 1)[0] if " " in cut else cut[:-1]
    return shorter.rstrip(" ·,;:—") + "…"
