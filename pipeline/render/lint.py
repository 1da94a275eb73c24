"""What is wrong with a template before it is filled in: unknown names, and MJML that does harm.

mrml takes almost everything and says nothing: a tag it does not know goes into the mail as it
stands, and a bare 0 in a padding switches off the arithmetic of widths, which only Outlook shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from msgspec import Struct

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.errors import TemplateError
from pipeline.render.fill import Filler
from pipeline.render.folders import TemplateFolders, read_text
from pipeline.render.variables import NAMES

CODES: Final = {
    "T101": "A template does not render, and this is where",
    "T201": "A template names a variable that does not exist",
    "T301": "A length in MJML has no unit",
    "T302": "MJML that mrml does not know, or leaves out of the mail",
    "T303": "A picture in a template has no alternative text, or no width",
    "T304": "An attribute in single quotes can be left by what is put into it",
    "T305": "A template switches escaping off",
    "T401": "A rule sets a property and its shorthand; inliners disagree on which wins",
}

_LENGTH: Final = re.compile(
    r'<mj-[^<>]*\s(?:inner-)?(?:padding(?:-\w+)?|width|border-radius)="([^"]*)"'
)
_FOREIGN: Final = re.compile(
    r"<(mj-(?:include|carousel|navbar|hero|html-attributes|selector)\b|mj-style[^<>]*\binline=|!\[CDATA)"
)
_PICTURE: Final = re.compile(r"<(?:mj-image|img)\b[^<>]*>")
_SINGLE: Final = re.compile(r"<[a-z][^<>{}]*\s[a-z-]+='[^']*\{\{")
_SAFE: Final = re.compile(r"\|\s*safe\b|\{%-?\s*autoescape\b")
_GAP: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_RULE: Final = re.compile(r"\{([^{}]*)\}")
_SHORTHANDS: Final = ("margin", "padding", "border", "font", "background")
# These are set beside their shorthand, and after it, on purpose: no engine reorders them.
_APART: Final = frozenset({"border-collapse", "border-radius", "border-spacing"})


class _Place(Struct, frozen=True):
    file: Path
    source: str

    def say(
        self, code: str, at: int, message: str, help_: str, *, error: bool = True
    ) -> Diagnostic:
        line = self.source.count("\n", 0, at) + 1
        return Diagnostic(
            code=code,
            severity=Severity.ERROR if error else Severity.WARNING,
            message=message,
            file=str(self.file),
            line=line,
            source=self.source.split("\n")[line - 1],
            help=help_,
        )


def lint(folders: TemplateFolders) -> list[Diagnostic]:
    """Look at every file of a template, and at those of the family that it uses; pure but for reading.

    A file that is no template at all is a finding, too.
    """
    filler = Filler(folders)
    found: list[Diagnostic] = []
    for file in folders.files():
        try:
            place = _Place(file, read_text(file))
            found += _of_file(place, filler)
        except TemplateError as error:
            found.append(unrendered(error))
    return found


def unrendered(error: TemplateError) -> Diagnostic:
    """Return the finding of a template that could not be filled in, checked or compiled."""
    return Diagnostic(
        code="T101",
        severity=Severity.ERROR,
        message=error.problem,
        file=str(error.file),
        line=error.line,
    )


def _of_file(place: _Place, filler: Filler) -> Iterator[Diagnostic]:
    if place.file.name.endswith(".mjml.j2"):
        yield from _markup(place)
    if place.file.suffix == ".css":
        yield from _declarations(place)
    if place.file.suffix in {".j2", ".css"}:
        yield from _names(place, filler)  # the last: what is no template ends here


def _names(place: _Place, filler: Filler) -> Iterator[Diagnostic]:
    for name in sorted(filler.unknown_names(place.source, place.file)):
        found = re.search(rf"\{{[{{%][^}}]*?\b{re.escape(name)}\b", place.source)
        near = get_close_matches(name, NAMES, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else "docs/templates.md lists all names"
        yield place.say("T201", found.end() if found else 0, f"{name!r} is unknown", remedy)


def _markup(place: _Place) -> Iterator[Diagnostic]:
    # Gaps become as many letters, so that places stay and a ">" in one ends no tag.
    plain = _GAP.sub(lambda gap: re.sub(r"[^\n]", "x", gap.group()), place.source)
    for found in _LENGTH.finditer(plain):
        bare = [part for part in found[1].split() if re.fullmatch(r"\d+", part)]
        if bare:
            yield place.say(
                "T301", found.start(1), f'"{found[1]}" has no unit', f"write {bare[0]}px"
            )
    for found in _FOREIGN.finditer(plain):
        yield place.say(
            "T302",
            found.start(),
            f"<{found[1]} is not for this compiler",
            "use Jinja2's include and extends, and tables of your own",
        )
    for found in _PICTURE.finditer(plain):
        for needed in ("alt", "width"):
            if not re.search(rf"\s{needed}=", found.group()):
                yield place.say(
                    "T303",
                    found.start(),
                    f"a picture without {needed}",
                    'write alt="" if it only decorates'
                    if needed == "alt"
                    else 'write width="..." in pixels: Outlook sizes pictures by it',
                )
    for found in _SINGLE.finditer(place.source):
        yield place.say("T304", found.start(), "a value in single quotes", "use double quotes")
    for found in _SAFE.finditer(place.source):
        yield place.say(
            "T305",
            found.start(),
            "author text would come through as markup",
            "leave `safe` and `autoescape` out: what may be markup already is",
        )


def _declarations(place: _Place) -> Iterator[Diagnostic]:
    plain = _GAP.sub(lambda gap: re.sub(r"[^\n]", "x", gap.group()), place.source)
    for rule in _RULE.finditer(plain):
        names = re.findall(r"(?:^|;)\s*([a-z-]+)\s*:", rule[1])
        for short in _SHORTHANDS:
            longer = [n for n in names if n.startswith(f"{short}-") and n not in _APART]
            after = [n for n in longer if short in names and names.index(n) < names.index(short)]
            if after:
                yield place.say(
                    "T401",
                    rule.start() + rule.group().index(after[0]),
                    f"{after[0]} stands before {short}, which undoes it",
                    f"write {short} first, or only one of the two",
                    error=False,
                )
