"""What every code of preflight is about, read from checks.toml beside this file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from pipeline.diagnostic import Severity

_FILE: Final = Path(__file__).with_name("checks.toml")


class Check(Struct, frozen=True, kw_only=True):
    """One code, explained; docs/checks.md lists all."""

    code: str
    severity: Severity  # unless [check] says otherwise
    what: str  # one line, no full stop
    why: str
    remedy: str
    source: str = ""  # a paragraph of a standard, or a page
    fixed: bool = False  # neither settings nor an issue can lower it


@lru_cache(maxsize=1)
def checks() -> Mapping[str, Check]:
    """Return every check by its code, in the order of docs/checks.md."""
    table = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return MappingProxyType(
        {
            code: Check(code=code, **{**said, "severity": Severity(said["severity"])})
            for code, said in table.items()
        }
    )
