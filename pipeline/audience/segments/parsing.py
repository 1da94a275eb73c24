"""Reading a rule: recursive descent, one method a line of the grammar.

either  = all ("or" all)*
all     = not ("and" not)*
not     = "not" not | "(" either ")" | test
test    = subject ("is" ["not"] ("set" | value) | ["not"] "in" "(" value ("," value)* ")"
        | "contains" value | ("before" | "after") day | ("<" | "<=" | ">" | ">=") number)
subject = a trait | ["field."] the name of a field
day     = YYYY-MM-DD | number ("day" | "days") "ago"
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

import idna

from pipeline.audience.naming import field_name, tag_name
from pipeline.audience.segments.tokens import RuleError, Token, tokens
from pipeline.errors import ConfigError
from pipeline.model.segment import (
    KEYWORDS,
    NUMBER,
    All,
    Contains,
    DaysAgo,
    Either,
    Falls,
    Field,
    IsSet,
    Measures,
    Not,
    OneOf,
    Rule,
    Trait,
    near_trait,
)

MAX_DEPTH: Final = 20  # of parentheses and nots; a person stops following at three
MAX_DAYS: Final = 36_500

_VERBS: Final = ("is", "in", "not", "contains", "before", "after")
_SIGNS: Final = ("<", "<=", ">", ">=")
_FIELD_PREFIX: Final = "field."
_TRAITS: Final = {trait.value: trait for trait in Trait}
_CLOSE: Final = 0.67  # of difflib: "iss" is close to "is", and York is not to "or"
_YEARS: Final = range(1900, 3000)


def parse_rule(text: str) -> Rule:
    """Return what a rule says; `str` of it is the rule in its canonical spelling.

    Pure: no clock, no randomness, no storage.

    Raises:
        RuleError: it is no rule; the message shows the place and suggests a remedy.
    """
    return _Parser(text, list(tokens(text))).rule()


@dataclass(slots=True)
class _Parser:
    text: str
    waiting: list[Token]
    at: int = 0
    depth: int = 0

    def rule(self) -> Rule:
        if len(self.waiting) == 1:
            raise self._error(self._next, "the rule is empty", "a rule reads: tag is vip")
        found = self._either()
        if self._next.kind != "end":
            raise self._unexpected()
        return found

    def _either(self) -> Rule:
        rules = [self._all()]
        while self._take("or"):
            rules.append(self._all())
        return rules[0] if len(rules) == 1 else Either(tuple(rules))

    def _all(self) -> Rule:
        rules = [self._not()]
        while self._take("and"):
            rules.append(self._not())
        return rules[0] if len(rules) == 1 else All(tuple(rules))

    def _not(self) -> Rule:
        opening = self._next
        if self._take("not"):
            return self._deeper(opening, lambda: Not(self._not()))
        if self._take("("):
            return self._deeper(opening, self._closed)
        return self._test()

    def _closed(self) -> Rule:
        found = self._either()
        if not self._take(")"):
            raise self._unexpected(closing=True)
        return found

    def _deeper(self, opening: Token, inner: Callable[[], Rule]) -> Rule:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._error(opening, f"this is nested more than {MAX_DEPTH} deep")
        found = inner()
        self.depth -= 1
        return found

    def _test(self) -> Rule:
        subject = self._subject()
        verb = self._next
        if self._take("is"):
            negated = self._take("not") is not None
            found = (
                IsSet(subject) if self._take("set") else OneOf(subject, (self._value(subject),))
            )
            return Not(found) if negated else found
        if self._take("not"):
            if not self._take("in"):
                raise self._error(self._next, "only 'in' comes after 'not' here")
            return Not(OneOf(subject, self._values(subject)))
        if self._take("in"):
            return OneOf(subject, self._values(subject))
        if self._take("contains"):
            if subject in {Trait.TAG, Trait.SINCE}:
                raise self._error(verb, f"'contains' does not go with {subject}")
            return Contains(subject, self._value(subject, part=True))
        if self._take("before") or self._take("after"):
            if isinstance(subject, Trait) and subject is not Trait.SINCE:
                raise self._error(verb, f"{subject} is no day", "days are: since, and fields")
            return Falls(subject, verb.text.lower() == "after", self._day())
        if verb.kind == "sign" and verb.text in _SIGNS:
            self.at += 1
            return self._measured(subject, verb)
        near = self._near(verb, _VERBS)
        known = "'is', 'in', 'contains', 'before', 'after', '<' or '>'"
        raise self._error(verb, f"after {subject} comes {known}", near)

    def _subject(self) -> Trait | Field:
        token = self._next
        word = token.text.lower()
        if token.kind != "word" or word in KEYWORDS:
            raise self._error(
                token, "here a tag, a trait or a field is missing", "as in: city is Ghent"
            )
        self.at += 1
        if word in _TRAITS:
            return _TRAITS[word]
        spelled = word.startswith(_FIELD_PREFIX)
        bare = word.removeprefix(_FIELD_PREFIX)
        try:
            name = field_name(bare)
        except ConfigError as error:
            raise self._error(token, str(error)) from error
        if name != bare:
            raise self._error(
                token, f"no field is called {bare!a}", f"did you mean '{Field(name)}'?"
            )
        if not spelled and (trait := near_trait(name)):
            other = f"a field of that name is spelled {_FIELD_PREFIX}{name}"
            raise self._error(
                token, f"nothing is called {name!a}", f"did you mean '{trait}'? {other}"
            )
        return Field(name)

    def _values(self, subject: Trait | Field) -> tuple[str, ...]:
        if not self._take("("):
            hint = f"as in: {subject} in (one, another)"
            raise self._error(self._next, "after 'in' comes a list in parentheses", hint)
        values = [self._value(subject)]
        while self._take(","):
            values.append(self._value(subject))
        if not self._take(")"):
            raise self._unexpected(closing=True)
        return tuple(values)

    def _value(self, subject: Trait | Field, *, part: bool = False) -> str:
        token = self._next
        if subject is Trait.SINCE:
            raise self._error(token, "since is a day", "as in: since after 2026-01-01")
        if token.kind not in {"word", "text"} or (
            token.kind == "word" and token.text.lower() in KEYWORDS
        ):
            quoted = f'to mean the word, quote it: "{token.text}"' if token.text else None
            raise self._error(token, f"a value for {subject} is missing here", quoted)
        if token.kind == "word" and token.text[0] in "'\u2018\u201c\u201e\u00ab":
            raise self._error(
                token, "a text stands in straight double quotation marks", 'as in: "Ghent"'
            )
        value = self._normalised(subject, token, part=part)
        if not value.strip():
            raise self._error(
                token, "an empty text is no value", f"did you mean 'not {subject} is set'?"
            )
        self.at += 1
        return value

    def _normalised(self, subject: Trait | Field, token: Token, *, part: bool) -> str:
        """Return a value as that subject is stored."""
        match subject:
            case Trait.TAG:
                try:
                    return tag_name(token.text)
                except ConfigError as error:
                    raise self._error(token, str(error)) from error
            case Trait.LANGUAGE:
                return token.text.lower().replace("_", "-")
            case Trait.DOMAIN if part or token.text.isascii():
                return token.text.lower().lstrip("@")
            case Trait.DOMAIN:
                try:
                    return idna.encode(token.text.lstrip("@"), uts46=True).decode()
                except idna.IDNAError as error:
                    raise self._error(token, "this is no domain") from error
            case _:
                return token.text

    def _measured(self, subject: Trait | Field, sign: Token) -> Rule:
        if isinstance(subject, Trait):
            hint = "did you mean 'before' or 'after'?" if subject is Trait.SINCE else None
            raise self._error(sign, f"{subject} is no number", hint)
        token = self._next
        if not re.fullmatch(NUMBER, token.text) or token.kind != "word":
            hint = "did you mean 'before' or 'after'?" if _is_day(token.text) else None
            wanted = "a number of at most 12 digits and 3 decimals"
            raise self._error(token, f"after '{sign.text}' comes {wanted}", hint)
        self.at += 1
        return Measures(subject, sign.text, Decimal(token.text))

    def _day(self) -> date | DaysAgo:
        token = self._next
        wanted = "a day is written 2026-01-31, or 30 days ago"
        if token.kind != "word":
            raise self._error(token, "a day is missing here", wanted)
        self.at += 1
        if token.text.isascii() and token.text.isdigit() and self._take("days", "day"):
            if not self._take("ago"):
                raise self._error(self._next, "'ago' is missing here", wanted)
            if len(token.text) > 5 or int(token.text) > MAX_DAYS:
                raise self._error(token, f"at most {MAX_DAYS} days ago")
            return DaysAgo(int(token.text))
        if not _is_day(token.text):
            raise self._error(token, "this is no day", wanted)
        return date.fromisoformat(token.text)

    @property
    def _next(self) -> Token:
        return self.waiting[self.at]

    def _take(self, *words: str) -> Token | None:
        """Take the next token if it is one of these keywords or signs."""
        token = self._next
        if token.kind in {"word", "sign"} and token.text.lower() in words:
            self.at += 1
            return token
        return None

    def _unexpected(self, *, closing: bool = False) -> RuleError:
        token, before = self._next, self.waiting[self.at - 1]
        missing = "')'" if closing else "'and', 'or' or the end"
        hint = self._near(token, ("and", "or"))
        if hint is None and token.kind == before.kind == "word" and before.text not in KEYWORDS:
            hint = f'several words stand in quotation marks: "{before.text} {token.text}"'
        elif token.text == ")":
            hint = "nothing was opened that it closes"
        return self._error(token, f"here {missing} is missing", hint)

    @staticmethod
    def _near(token: Token, words: tuple[str, ...]) -> str | None:
        close = difflib.get_close_matches(token.text.lower(), words, n=1, cutoff=_CLOSE)
        return f"did you mean '{close[0]}'?" if close and token.kind == "word" else None

    def _error(self, token: Token, problem: str, hint: str | None = None) -> RuleError:
        return RuleError(self.text, token.start, token.end, problem, hint=hint)


def _is_day(text: str) -> bool:
    try:
        return len(text) == 10 and date.fromisoformat(text).year in _YEARS
    except ValueError:
        return False
