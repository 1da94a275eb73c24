"""The table [check] of newsletter.toml: what findings count."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipeline.errors import Severity

_OURS: Final = ("E", "I", "P", "W")  # first letters of our codes; plug-ins have others


class CheckTable(BaseModel):
    """[check]: what findings count; checks.md lists the codes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    severity: Mapping[str, Literal["error", "warning", "note", "off"]] = Field(
        {}, description='By code, such as `{ P303 = "warning", P207 = "off" }`'
    )
    link_ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = Field(
        (80, 443), description="Ports that `check --links` may knock at"
    )

    @field_validator("severity")
    @classmethod
    def _possible(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for code, level in value.items():
            _look_at(code, None if level == "off" else Severity(level))
        return value

    def severities(self) -> Mapping[str, Severity | None]:
        """Return the value that the rooms know; None leaves findings out."""
        return MappingProxyType(
            {
                code: None if level == "off" else Severity(level)
                for code, level in self.severity.items()
            }
        )


def _look_at(code: str, level: Severity | None) -> None:
    """Refuse a code that is not known, stops the reading, or guards what nobody can waive."""
    # The catalogue of checks is read only by those who change something.
    from pipeline.formats.codes import CODES as READER_CODES
    from pipeline.images.codes import CODES as PICTURE_CODES
    from pipeline.preflight.catalogue import checks
    from pipeline.preflight.verdict import lowers

    known = [*READER_CODES, *PICTURE_CODES, *checks()]
    if code not in known and code[:1].upper() in _OURS:
        close = get_close_matches(code.upper(), known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"no check is called {code!r}{hint}")
    if code.startswith("E"):
        raise ValueError(f"{code} means that a file cannot be read; it is always an error")
    if lowers(code, level):
        raise ValueError(f"{code} cannot be lowered: every reader, or the law, is at stake")
