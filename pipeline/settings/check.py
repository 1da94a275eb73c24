"""The table [check] of newsletter.toml: what findings count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Annotated, Final, Literal

from msgspec import Meta

from pipeline.diagnostic import Severity
from pipeline.settings.values import Table

_OURS: Final = ("E", "I", "P", "W")  # first letters of our codes; plug-ins have others


class CheckTable(Table, frozen=True):
    """[check]: what findings count; checks.md lists the codes."""

    severity: Annotated[
        Mapping[str, Literal["error", "warning", "note", "off"]],
        Meta(description='By code, such as `{ P303 = "warning", P207 = "off" }`'),
    ] = {}
    link_ports: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=65535)], ...],
        Meta(description="Ports that `check --links` may knock at"),
    ] = (80, 443)

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Yield each code that is not known, stops the reading, or guards what nobody can waive."""
        for code, severity in self.severities().items():
            if says := _mistake(code, severity):
                yield "severity", says

    def severities(self) -> Mapping[str, Severity | None]:
        """Return the value that the rooms know; None leaves findings out."""
        return MappingProxyType(
            {
                code: None if level == "off" else Severity(level)
                for code, level in self.severity.items()
            }
        )


def _mistake(code: str, level: Severity | None) -> str:
    # The catalogue of checks is read only by those who change something.
    from pipeline.formats.codes import CODES as READER_CODES
    from pipeline.images.codes import CODES as PICTURE_CODES
    from pipeline.preflight.catalogue import checks
    from pipeline.preflight.verdict import lowers

    known = [*READER_CODES, *PICTURE_CODES, *checks()]
    if code not in known and code[:1].upper() in _OURS:
        close = get_close_matches(code.upper(), known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        return f"no check is called {code!r}{hint}"
    if code.startswith("E"):
        return f"{code} means that a file cannot be read; it is always an error"
    if lowers(code, level):
        return f"{code} cannot be lowered: every reader, or the law, is at stake"
    return ""
