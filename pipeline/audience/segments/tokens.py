"""The words of a rule, and what is said about one that is wrong."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final, Literal

from msgspec import Struct

from pipeline.errors import ConfigError

MAX_RULE: Final = 2000  # characters

Kind = Literal["word", "text", "sign", "end"]

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<sign>[<>]=?|[(),])|(?P<word>[^\s()<>=!,"&|]+))""",
    re.DOTALL,
)
_SPACE: Final = re.compile(r"\s*")
_STRANGE: Final = re.compile(r"[=!&|]+|.", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)

_INSTEAD: Final = {
    "=": "is", "==": "is", "!": "not", "!=": "is not",
    "&": "and", "&&": "and", "|": "or", "||": "or",
}  # fmt: skip


class RuleError(ConfigError):
    """A rule that cannot be read, with the place and the remedy; nothing was looked up with it."""

    def __init__(
        self, rule: str, start: int, end: int, problem: str, *, hint: str | None = None
    ) -> None:
        self.problem, self.hint = problem, hint
        before = rule[:start]
        self.line = before.count("\n") + 1
        first = before.rfind("\n") + 1
        self.column = start - first + 1  # 1-based, in code points
        shown = "".join(c if c.isprintable() else " " for c in rule[first:].partition("\n")[0])
        marks = max(1, min(end - first, len(shown)) - self.column + 1)
        super().__init__(
            f"{self.line}:{self.column}: {problem}\n"
            f"  {shown}\n"
            f"  {' ' * (self.column - 1)}{'^' * marks}" + (f"\n  {hint}" if hint else "")
        )


class Token(Struct, frozen=True):
    """A word, a quoted text, a sign, or the end; `end` is exclusive."""

    kind: Kind
    text: str  # of a quoted text what stands between the marks
    start: int
    end: int


def tokens(rule: str) -> Iterator[Token]:
    """Yield the tokens of a rule, the last of kind "end".

    Raises:
        RuleError: it is too long, or has a character that means nothing.
    """
    if len(rule) > MAX_RULE:
        raise RuleError(
            "", 0, 0, f"a rule has at most {MAX_RULE:,} characters; this: {len(rule):,}"
        )
    for at, character in enumerate(rule):
        if unicodedata.category(character).startswith("C") and character not in "\t\r\n":
            raise RuleError(rule, at, at + 1, f"an invisible character, {character!a}")
    at = 0
    while match := _TOKEN.match(rule, at):
        kind: Kind = "text" if match["text"] else "sign" if match["sign"] else "word"
        text = match[kind]
        if kind == "text":
            text = _ESCAPE.sub(r"\1", text[1:-1])
        yield Token(kind, unicodedata.normalize("NFC", text), match.start(kind), match.end())
        at = match.end()
    at = _space_end(rule, at)
    if at < len(rule):
        raise _strange(rule, at)
    yield Token("end", "", len(rule), len(rule))


def _space_end(rule: str, at: int) -> int:
    match = _SPACE.match(rule, at)
    return match.end() if match else at


def _strange(rule: str, at: int) -> RuleError:
    if rule[at] == '"':
        remedy = 'add the second ", or write \\" for one inside a text'
        return RuleError(rule, at, len(rule), "a text begins here and never ends", hint=remedy)
    match = _STRANGE.match(rule, at)
    found = match.group() if match else rule[at]
    instead = _INSTEAD.get(found)
    hint = f"did you mean '{instead}'?" if instead else None
    return RuleError(rule, at, at + len(found), f"{found!a} means nothing here", hint=hint)
