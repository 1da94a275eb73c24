"""What can be learned from a title or a file name when the text itself does not say."""

from __future__ import annotations

import re
from datetime import date
from pathlib import PurePath

from pipeline.formats.dates import parse_date
from pipeline.formats.diagnosis import Diagnosis
from pipeline.formats.words import NUMBER

_IN_TITLE = re.compile(
    rf"^#(\d+[a-z]?)\b|\b(?:{NUMBER}|Weekly)\s*#?\s*(\d+[a-z]?)\b|\s#(\d+[a-z]?)$", re.IGNORECASE
)
_IN_FILE = re.compile(r"\bissue-?(\d+)", re.IGNORECASE)
_DATE_IN_FILE = re.compile(r"(\d{4}-\d{2}-\d{2})(?!\d)")


def number_in_title(title: str) -> str | None:
    """Return the number an issue's title names: "#91 Cranes", "Harbour Weekly 12"."""
    found = _IN_TITLE.search(title)
    return next(filter(None, found.groups())) if found else None


def number_in_file(file: str) -> str | None:
    """Return the number in a file name such as "issue-91.md"."""
    found = _IN_FILE.search(PurePath(file).stem)
    return found[1] if found else None


def date_in_file(file: str) -> date | None:
    """Return the date in a file name such as "2026-05-04-cranes.md"."""
    if found := _DATE_IN_FILE.search(PurePath(file).stem):
        try:
            parsed = parse_date(found[1])
        except ValueError:
            return None
        return parsed if isinstance(parsed, date) else None
    return None


def title_from_file(file: str, diagnosis: Diagnosis) -> str:
    """Make a title of a file name, with a warning.

    Raises:
        IssueError: E102, if the name has no letters either.
    """
    stem = _DATE_IN_FILE.sub("", PurePath(file).stem)
    title = re.sub(r"[-_\s]+", " ", stem).strip()
    if not any(letter.isalpha() for letter in title) or file in {"<stdin>", "stdin"}:
        raise diagnosis.fatal(
            "E102", "the issue has no title", line=1, remedy="write it on the first line"
        )
    title = title[0].upper() + title[1:]
    diagnosis.add(
        "W102",
        f"no title in the text; {title!r} is made from the file name",
        remedy="write the title into the file",
    )
    return title


def number_for(number: str | None, title: str, file: str, diagnosis: Diagnosis) -> str | None:
    """Return the number of an issue: as written, or from its title, or from its file's name."""
    if number:
        return number
    if found := number_in_title(title):
        diagnosis.add("I110", f"number {found} is taken from the title")
    elif found := number_in_file(file):
        diagnosis.add("I110", f"number {found} is taken from the file name")
    return found


def date_for(written: date | None, file: str, diagnosis: Diagnosis) -> date | None:
    """Return the date of an issue: as written, or from its file's name."""
    named = date_in_file(file)
    if written and named and abs((written - named).days) > 1:
        diagnosis.add(
            "W106",
            f"the issue says {written}, its file name says {named}",
            note="the date in the file counts",
        )
    if not written and named:
        diagnosis.add("I110", f"date {named} is taken from the file name")
    return written or named
