"""The JSON files of an entry: entry.json, approval.json, check.json. Same values, same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.model.entry import Approval, Counts, Entry, EntryId

Json = Any  # what json.dumps takes and json.loads gives
T = TypeVar("T")


def entry_digest(
    parts: tuple[tuple[str, str], ...],
    *,
    subject: str,
    preheader: str,
    pictures: tuple[tuple[str, int, int], ...] = (),
) -> str:
    """Return the digest of an entry, in hex.

    It is SHA-256 over this JSON document in ASCII, without blanks or line ends:
    `[[[name, sha256], ...], subject, preheader]`, parts in the order of `PARTS`. An entry with
    pictures has them among its parts, and `[[name, width, height], ...]` as a fourth element.
    """
    covered = [parts, subject, preheader, *([pictures] if pictures else [])]
    document = json.dumps(covered, separators=(",", ":"))
    return sha256(document.encode("ascii")).hexdigest()


def write_entry(entry: Entry) -> bytes:
    """Return entry.json."""
    return _document(
        {
            "id": entry.id,
            "tag": entry.tag,
            "title": entry.title,
            "subject": entry.subject,
            "preheader": entry.preheader,
            "number": entry.number,
            "date": entry.date,
            "counts": {
                "sections": entry.counts.sections,
                "stories": entry.counts.stories,
                "words": entry.counts.words,
                "minutes": entry.counts.minutes,
            },
            "errors": entry.errors,
            "warnings": entry.warnings,
            "parts": dict(entry.parts),
            "digest": entry.digest,
            **({"pictures": _sizes(entry)} if entry.pictures else {}),
        }
    )


def read_entry(data: bytes) -> Entry:
    """Return the entry that `write_entry` was given.

    Raises:
        ValueError: this is not such a document.
    """
    document = _object(data)
    counts = _field(document, "counts", dict)
    parts = _field(document, "parts", dict)
    sizes = _field(document, "pictures", dict) if "pictures" in document else {}
    return Entry(
        id=EntryId(_field(document, "id", str)),
        tag=_field(document, "tag", str),
        title=_field(document, "title", str),
        subject=_field(document, "subject", str),
        preheader=_field(document, "preheader", str),
        number=_text_or_none(document, "number"),
        date=_text_or_none(document, "date"),
        counts=Counts(
            sections=_field(counts, "sections", int),
            stories=_field(counts, "stories", int),
            words=_field(counts, "words", int),
            minutes=_field(counts, "minutes", int),
        ),
        errors=_field(document, "errors", int),
        warnings=_field(document, "warnings", int),
        parts=tuple((name, _field(parts, name, str)) for name in parts),
        digest=_field(document, "digest", str),
        pictures=tuple((name, *_size(sizes, name)) for name in sizes),
    )


def write_approval(approval: Approval) -> bytes:
    """Return approval.json."""
    return _document(
        {
            "digest": approval.digest,
            "approved_at": approval.approved_at.isoformat(),
            "approved_by": approval.approved_by,
        }
    )


def read_approval(data: bytes) -> Approval:
    """Return the approval that `write_approval` was given.

    Raises:
        ValueError: this is not such a document.
    """
    document = _object(data)
    approved_at = datetime.fromisoformat(_field(document, "approved_at", str))
    if approved_at.tzinfo is None:
        raise ValueError("approved_at has no UTC offset")
    return Approval(
        digest=_field(document, "digest", str),
        approved_at=approved_at,
        approved_by=_field(document, "approved_by", str),
    )


def write_check(diagnostics: Iterable[Diagnostic]) -> bytes:
    """Return check.json: the diagnostics in the order given, without what they do not say."""
    return _document({"diagnostics": [_diagnostic(each) for each in diagnostics]})


def read_check(data: bytes) -> tuple[Diagnostic, ...]:
    """Return the diagnostics that `write_check` was given.

    Raises:
        ValueError: this is not such a document.
    """
    found: list[dict[str, Json]] = _field(_object(data), "diagnostics", list)
    try:
        return tuple(
            Diagnostic(**{**each, "severity": Severity(_field(each, "severity", str))})
            for each in found
        )
    except (TypeError, AttributeError) as error:
        raise ValueError(str(error)) from error


def _diagnostic(diagnostic: Diagnostic) -> dict[str, Json]:
    said = {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "file": diagnostic.file,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "end_column": diagnostic.end_column,
        "source": diagnostic.source,
        "note": diagnostic.note,
        "help": diagnostic.help,
        "allowed": diagnostic.allowed or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _sizes(entry: Entry) -> Json:
    return {name: {"width": width, "height": height} for name, width, height in entry.pictures}


def _size(sizes: Mapping[str, Json], name: str) -> tuple[int, int]:
    size = _field(sizes, name, dict)
    return _field(size, "width", int), _field(size, "height", int)


def _document(value: Json) -> bytes:
    # Half a surrogate pair becomes the escape that JSON has for it.
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode(
        errors="backslashreplace"
    )


def _object(data: bytes) -> Mapping[str, Json]:
    try:
        return _field({"document": json.loads(data)}, "document", dict)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _field(document: Mapping[str, Json], name: str, kind: type[T]) -> T:
    value = document.get(name)
    if not isinstance(value, kind):
        raise ValueError(f"{name} is not a {kind.__name__}")  # noqa: TRY004 - the file is wrong
    return value


def _text_or_none(document: Mapping[str, Json], name: str) -> str | None:
    return None if document.get(name) is None else _field(document, name, str)
