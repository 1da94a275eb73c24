"""Which features of HTML and CSS a mail uses, as far as it matters to mail programs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from pipeline.preflight.looks.kind import Said
from pipeline.preflight.looks.sheet import Declaration, Rule, read_declarations, read_sheets

_UNIT: Final = re.compile(r"(?<![\w#.-])-?(?:\d+\.?\d*|\.\d+)(rem|em|ch|vh|vw|vmin|vmax)\b")
_FUNCTION: Final = re.compile(r"(?<![\w-])(calc|clamp|min|max|var|light-dark)\(")
_GRADIENT: Final = re.compile(r"(linear|radial|conic)-gradient\(")
_PSEUDO: Final = re.compile(r"::?([a-z-]+)")
_MEDIA: Final = re.compile(r"\(\s*([a-z-]+)")

# usage: the feature of caniemail that tells of it. What every mail uses, as colours, is left out.
FEATURES: Final = {
    "at:font-face": "css-at-font-face",
    "at:import": "css-at-import",
    "at:keyframes": "css-at-keyframes",
    "at:media": "css-at-media",
    "at:supports": "css-at-supports",
    "media:hover": "css-at-media-hover",
    "media:orientation": "css-at-media-orientation",
    "media:prefers-color-scheme": "css-at-media-prefers-color-scheme",
    "media:prefers-reduced-motion": "css-at-media-prefers-reduced-motion",
    "pseudo:after": "css-pseudo-element-after",
    "pseudo:before": "css-pseudo-element-before",
    "pseudo:checked": "css-pseudo-class-checked",
    "pseudo:first-child": "css-pseudo-class-first-child",
    "pseudo:focus": "css-pseudo-class-focus",
    "pseudo:has": "css-pseudo-class-has",
    "pseudo:hover": "css-pseudo-class-hover",
    "pseudo:last-child": "css-pseudo-class-last-child",
    "pseudo:not": "css-pseudo-class-not",
    "pseudo:nth-child": "css-pseudo-class-nth-child",
    "selector:+": "css-selector-adjacent-sibling",
    "selector:>": "css-selector-child",
    "selector:[": "css-selector-attribute",
    "selector:~": "css-selector-general-sibling",
    "function:calc": "css-unit-calc",
    "function:clamp": "css-function-clamp",
    "function:light-dark": "css-function-light-dark",
    "function:max": "css-function-max",
    "function:min": "css-function-min",
    "function:var": "css-variables",
    "gradient:conic": "css-conic-gradient",
    "gradient:linear": "css-linear-gradient",
    "gradient:radial": "css-radial-gradient",
    "unit:ch": "css-unit-ch",
    "unit:em": "css-unit-em",
    "unit:rem": "css-unit-rem",
    "unit:vh": "css-unit-vh",
    "unit:vmax": "css-unit-vmax",
    "unit:vmin": "css-unit-vmin",
    "unit:vw": "css-unit-vw",
    "value:display=flex": "css-display-flex",
    "value:display=grid": "css-display-grid",
    "value:display=inline-flex": "css-display-flex",
    "value:display=inline-grid": "css-display-grid",
    "value:position=absolute": "css-position",
    "value:position=fixed": "css-position",
    "value:position=relative": "css-position",
    "value:position=sticky": "css-position",
    **{
        f"property:{name}": f"css-{name}"
        for name in (
            *("accent-color", "align-items", "animation", "aspect-ratio", "backdrop-filter"),
            *("background-blend-mode", "background-clip", "background-image", "background-size"),
            *("border-image", "border-radius", "border-spacing", "box-shadow", "box-sizing"),
            *("clip-path", "color-scheme", "column-count", "cursor", "filter", "flex-direction"),
            *("flex-wrap", "float", "font-kerning", "gap", "hyphens", "inset", "justify-content"),
            *("letter-spacing", "max-height", "max-width", "min-height", "min-width"),
            *("mix-blend-mode", "object-fit", "object-position", "opacity", "outline"),
            *("overflow", "overflow-wrap", "tab-size", "text-indent", "text-overflow"),
            *("text-shadow", "text-underline-offset", "text-wrap", "transform", "transition"),
            *("user-select", "visibility", "white-space", "word-break", "word-spacing"),
            *("writing-mode", "z-index"),
        )
    },
    "element:audio": "html-audio",
    "element:base": "html-base",
    "element:dialog": "html-dialog",
    "element:link": "html-link",
    "element:map": "html-image-maps",
    "element:marquee": "html-marquee",
    "element:meter": "html-meter",
    "element:picture": "html-picture",
    "element:progress": "html-progress",
    "element:ruby": "html-ruby",
    "element:svg": "html-svg",
    "element:video": "html-video",
    **{
        f"element:{name}": "html-semantics"
        for name in (
            *("article", "aside", "details", "figcaption", "figure", "footer", "header"),
            *("main", "mark", "nav", "section", "summary", "time"),
        )
    },
    "attribute:background": "html-background",
    "attribute:srcset": "html-srcset",
    "attribute:loading": "html-loading-attribute",
    "image:apng": "image-apng",
    "image:avif": "image-avif",
    "image:bmp": "image-bmp",
    "image:svg": "image-svg",
    "image:webp": "image-webp",
}


@lru_cache(maxsize=16)  # two rules ask, and a word more or less changes nothing of it
def usages(kinds: tuple[Said, ...], sheets: tuple[str, ...]) -> frozenset[str]:
    """Return the keys of FEATURES that occur in the HTML, its styles and its style sheets."""
    found = {*_of_rules(read_sheets(sheets)), *_of_kinds(kinds)}
    return frozenset(FEATURES.keys() & found)


def _of_rules(rules: tuple[Rule, ...]) -> Iterator[str]:
    for rule in rules:
        for condition in rule.conditions:
            yield f"at:{condition[1:].partition(' ')[0].lower()}"
            yield from (f"media:{name}" for name in _MEDIA.findall(condition.lower()))
        for selector in rule.selectors:
            yield from (f"pseudo:{name}" for name in _PSEUDO.findall(selector))
            yield from (f"selector:{sign}" for sign in "+>~[" if sign in selector)
        yield from _of_declarations(rule.declarations)


def _of_kinds(kinds: Iterable[Said]) -> Iterator[str]:
    for _, tag, attributes in kinds:
        said = dict(attributes)
        yield f"element:{tag}"
        yield from (f"attribute:{name}" for name in said)
        yield from _of_style(said.get("style", ""))
        if tag == "img":
            path = said.get("src", "").partition("?")[0]
            yield f"image:{path.rpartition('.')[2].lower()}"


@lru_cache(maxsize=2048)
def _of_style(style: str) -> frozenset[str]:
    return frozenset(_of_declarations(read_declarations(style)))


def _of_declarations(declarations: Iterable[Declaration]) -> Iterator[str]:
    for each in declarations:
        yield f"property:{each.name}"
        yield f"value:{each.name}={each.value.lower()}"
        yield from (f"unit:{name}" for name in _UNIT.findall(each.value))
        if "(" in each.value:
            yield from (f"function:{name}" for name in _FUNCTION.findall(each.value))
            yield from (f"gradient:{name}" for name in _GRADIENT.findall(each.value))
