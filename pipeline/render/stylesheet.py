"""The two style sheets of a template: one for style attributes, one that stays alive."""

from __future__ import annotations

import re
from typing import Any, Final

from markupsafe import Markup

from pipeline.errors import TemplateError
from pipeline.render.fill import Filler

INLINE: Final = "inline.css"
LIVE: Final = "live.css"

# premailer drops what it does not understand without a word, and mistakes the weight of
# pseudo-classes: only types, classes and their descent become style attributes.
_RULE: Final = re.compile(r"\s*(?P<selector>[\w.\-\s,>]+)\{(?P<declarations>[^{}]*)\}\s*")
_EMPTY_LINES: Final = re.compile(r"\n\s*\n")
_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)


def inline_rules(filler: Filler, values: dict[str, Any]) -> str:
    """Return the rules that become style attributes.

    Raises:
        TemplateError: a rule cannot become one: an at-rule, a pseudo-class, `!important`, `*`.
    """
    css = _filled(filler, INLINE, values)
    position = 0
    while position < len(css):
        rule = _RULE.match(css, position)
        if rule is None or "!important" in rule["declarations"]:
            found = css[position:].strip().partition("\n")[0]
            problem = f"cannot become a style attribute; move it to {LIVE}: {found[:80]}"
            raise _mistake(filler, INLINE, found, problem)
        position = rule.end()
    return css


def live_rules(filler: Filler, values: dict[str, Any]) -> Markup:
    """Return the rules for `<mj-style>`, which no step touches.

    Raises:
        TemplateError: MJML could not carry them: `<` in it ends the style sheet.
    """
    css = _filled(filler, LIVE, values)
    if "<" in css:
        problem = "'<' cannot stand in a mail's style sheet; write (max-width: ...)"
        raise _mistake(filler, LIVE, "<", problem)
    return Markup(css.strip())  # noqa: S704 - a style sheet of the template, not author text


def _filled(filler: Filler, name: str, values: dict[str, Any]) -> str:
    css = _without_comments(filler.fill(name, values))
    if foreign := re.search(r"[^\x00-\x7f]", css):
        # A character reference means nothing inside <style>.
        problem = f"{foreign.group()!r} is not ASCII; write a CSS escape"
        raise _mistake(filler, name, foreign.group(), problem)
    return _EMPTY_LINES.sub("\n", css)


def _mistake(filler: Filler, name: str, found: str, problem: str) -> TemplateError:
    """Return the error with the line of the template: filling in has moved the lines."""
    source, file = filler.folders.read(name)
    position = _without_comments(source).find(found)
    line = source.count("\n", 0, position) + 1 if position >= 0 else None
    return TemplateError(file, problem, line=line)


def _without_comments(css: str) -> str:
    # As long as before, so that positions stay.
    return _COMMENT.sub(lambda comment: re.sub(r"[^\n]", " ", comment.group()), css)
