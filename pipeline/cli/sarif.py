"""Findings as SARIF 2.1.0 (OASIS), for code scanning and editors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from pipeline import __version__
from pipeline.app import diagnostic_codes, explained
from pipeline.diagnostic import Diagnostic

SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

Json = dict[str, Any]


def sarif(found: Sequence[Diagnostic]) -> Json:
    """Return a log of one run; its rules are those that found something."""
    codes = list(dict.fromkeys(each.code for each in found))
    driver = {
        "name": "Broadsheet",
        "version": __version__,
        "rules": [_rule(each) for each in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, codes.index(each.code)) for each in found],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> Json:
    check = explained(code)
    if check is None:  # of the reader, or of a plug-in
        about = diagnostic_codes().get(code, code)
        return {"id": code, "shortDescription": {"text": about}, "help": {"text": about}}
    rule: Json = {
        "id": code,
        "shortDescription": {"text": check.what},
        "fullDescription": {"text": check.why},
        "help": {"text": check.remedy},
        "defaultConfiguration": {"level": check.severity.value},
    }
    if check.source.startswith("https://"):
        rule["helpUri"] = check.source
    return rule


def _result(diagnostic: Diagnostic, index: int) -> Json:
    said = [diagnostic.message, diagnostic.note, diagnostic.help]
    result: Json = {
        "ruleId": diagnostic.code,
        "ruleIndex": index,
        "level": diagnostic.severity.value,  # the words are the same
        "message": {"text": ". ".join(filter(None, said))},
        "locations": [_location(diagnostic)] if diagnostic.file else [],
    }
    if diagnostic.allowed:
        result["suppressions"] = [{"kind": "inSource", "justification": diagnostic.note or ""}]
    return result


def _location(diagnostic: Diagnostic) -> Json:
    # What is about the whole mail stands at the top of its file: viewers want a line.
    region: Json = {"startLine": diagnostic.line or 1}
    if diagnostic.column:
        region["startColumn"] = diagnostic.column
    if diagnostic.end_column:
        region["endColumn"] = diagnostic.end_column
    if diagnostic.source is not None:
        region["snippet"] = {"text": diagnostic.source}
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(Path(diagnostic.file or ""))},
            "region": region,
        }
    }


def _uri(file: Path) -> str:
    return file.as_uri() if file.is_absolute() else quote(file.as_posix())
