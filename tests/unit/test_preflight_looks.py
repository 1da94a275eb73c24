"""What the cascade gives, as a browser has it, and how well a colour reads on another."""

from __future__ import annotations

import pytest
from lxml.html import document_fromstring

from pipeline.preflight.looks.cascade import Cascade, names
from pipeline.preflight.looks.colour import BLACK, WHITE, Colour, contrast, read_colour
from pipeline.preflight.looks.kind import linked, sort
from pipeline.preflight.looks.seen import Seen, words_in
from pipeline.preflight.looks.seen import seen as seen_by_kind
from pipeline.preflight.looks.selector import read_selector, weight
from pipeline.preflight.looks.sheet import (
    Declaration,
    read_declarations,
    read_sheet,
    read_sheets,
    sheets,
)


def seen(sheet: str, body: str, *, dark: bool = False) -> Seen:
    """Return how the word `here` looks in a mail of this style sheet and this body."""
    document = document_fromstring(f"<html><head><style>{sheet}</style></head>{body}</html>")
    there = sort(document)
    kinds = linked(there.kinds)
    cascade = Cascade(read_sheets(sheets(document)), names(kinds), dark=dark)
    looks = seen_by_kind(kinds, cascade, dark=dark)
    by_words = {
        words_in(element): looks[kind]
        for element, kind in zip(there.elements, there.numbers, strict=True)
    }
    found = by_words["here"]
    if found is None or not found.shown:
        raise KeyError("here")
    return found


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("#fff", WHITE),
        ("#FFFFFF", WHITE),
        ("#ffffff00", Colour(255, 255, 255, 0)),
        ("rgb(255, 0, 0)", Colour(255, 0, 0)),
        ("rgb(100% 0% 0% / 50%)", Colour(255, 0, 0, 0.5)),
        ("rgba(0,0,0,.4)", Colour(0, 0, 0, 0.4)),
        ("rgb(300, -1, 0)", Colour(255, 0, 0)),
        ("White", WHITE),
        ("rebeccapurple", Colour(102, 51, 153)),
        ("transparent", Colour(0, 0, 0, 0)),
    ],
)
def test_a_colour_is_read_as_css_writes_it(text: str, colour: Colour) -> None:
    """Numbers, percentages, names; a value out of range is the nearest in it."""
    assert read_colour(text) == colour


@pytest.mark.parametrize(
    "text", ["", "#ggg", "#12", "var(--x)", "rgb(1,2)", "canvas", "inherit", "rgb(a,b,c)", "1px"]
)
def test_what_is_no_colour_is_none(text: str) -> None:
    """Nothing is guessed."""
    assert read_colour(text) is None


@pytest.mark.parametrize(
    ("first", "second", "ratio"),
    [
        (BLACK, WHITE, 21.0),
        (WHITE, WHITE, 1.0),
        (Colour(119, 119, 119), WHITE, 4.48),
        (Colour(118, 118, 118), WHITE, 4.54),
        (Colour(255, 0, 0), WHITE, 4.0),
    ],
)
def test_contrast_is_that_of_the_guidelines(first: Colour, second: Colour, ratio: float) -> None:
    """Known figures; #777 on white fails and #767676 passes (WCAG 2.2, 1.4.3)."""
    assert contrast(first, second) == pytest.approx(ratio, abs=0.01)
    assert contrast(second, first) == contrast(first, second)


def test_a_sheet_is_read_with_its_conditions() -> None:
    """At-rules nest, comments and strings hide braces, an import has no selectors."""
    rules = read_sheet(
        '@import "x.css"; /* p { } */ p, a.b { color: red; content: "}" }'
        "@media screen { @supports (x: y) { td { margin: 0 !important } } }"
        "@font-face { src: url(data:a;b) } i { color: blue"
    )

    assert [rule.selectors for rule in rules] == [(), ("p", "a.b"), ("td",), (), ("i",)]
    assert rules[1].declarations == (
        Declaration("color", "red"),
        Declaration("content", '"}"'),
    )
    assert rules[2].conditions == ("@media screen", "@supports (x: y)")
    assert rules[2].declarations[0].important
    assert rules[3].conditions == ("@font-face",)


def test_semicolons_in_addresses_do_not_end_a_declaration() -> None:
    """A data: address may have one."""
    found = read_declarations("background: url(data:image/png;base64,x) red; color : Blue ;;")

    assert [(each.name, each.value) for each in found] == [
        ("background", "url(data:image/png;base64,x) red"),
        ("color", "Blue"),
    ]


@pytest.mark.parametrize("text", ["}}}", "{{{", "@media {", "a{b", ";;", "@", "/*", "a > { }"])
def test_no_sheet_is_too_broken_to_be_read(text: str) -> None:
    """A template that is being written is broken most of the time."""
    read_sheet(text)


@pytest.mark.parametrize(
    ("text", "heavy"),
    [
        ("a", (0, 0, 1)),
        (".a .b", (0, 2, 0)),
        ("#a > p.b", (1, 1, 1)),
        ("[data-x] a", (0, 1, 1)),
        (":root", (0, 1, 0)),
        ("*", (0, 0, 0)),
    ],
)
def test_a_selector_weighs_what_css_says(text: str, heavy: tuple[int, int, int]) -> None:
    """Ids, classes and attributes, types (Selectors Level 4, 17)."""
    selector = read_selector(text)

    assert selector is not None
    assert weight(selector) == heavy


@pytest.mark.parametrize(
    "text", ["a:hover", "a + b", "a ~ b", "p::before", "", ">", "a >", "a..b"]
)
def test_states_and_siblings_select_nothing(text: str) -> None:
    """They say nothing of a mail that was just opened."""
    assert read_selector(text) is None


@pytest.mark.parametrize(
    ("sheet", "body", "colour"),
    [
        ("p { color: #111 } p { color: #222 }", "<p>here</p>", "#222222"),
        (".a { color: #111 } p { color: #222 }", "<p class=a>here</p>", "#111111"),
        ("p { color: #111 }", "<p style='color: #222'>here</p>", "#222222"),
        ("p { color: #111 !important }", "<p style='color: #222'>here</p>", "#111111"),
        ("div { color: #111 }", "<div><p>here</p></div>", "#111111"),
        ("div > p { color: #111 }", "<div><section><p>here</p></section></div>", "#000000"),
        ("div p { color: #111 }", "<div><section><p>here</p></section></div>", "#111111"),
        ("[data-ogsc] p { color: #111 }", "<p>here</p>", "#000000"),
        ("@media (max-width: 9px) { p { color: #111 } }", "<p>here</p>", "#000000"),
        ("@media print { p { color: #111 } }", "<p>here</p>", "#000000"),
        ("@media screen { p { color: #111 } }", "<p>here</p>", "#111111"),
        ("", "<p><a href=x>here</a></p>", "#0000ee"),
        ("", "<p><a>here</a></p>", "#000000"),
        ("", "<p style='color: rgba(0, 0, 0, 0.5)'>here</p>", "#808080"),
    ],
)
def test_the_strongest_rule_gives_the_colour(sheet: str, body: str, colour: str) -> None:
    """Importance, then the attribute, then weight, then order; else the parent's."""
    assert str(seen(sheet, body).colour) == colour


@pytest.mark.parametrize(
    ("sheet", "body", "ground"),
    [
        ("", "<p>here</p>", "#ffffff"),
        ("", "<body bgcolor='#eee'><p>here</p>", "#eeeeee"),
        ("", "<table bgcolor='#eee' style='background: #ddd'><td>here</table>", "#dddddd"),
        ("", "<div style='background: no-repeat #ccc'><p>here</p></div>", "#cccccc"),
        ("div { background: #ccc }", "<div style='background-color: #ddd'>here</div>", "#dddddd"),
        ("div { background: #ccc !important }", "<div bgcolor='#ddd'>here</div>", "#cccccc"),
        ("", "<div style='background: url(x)'><p>here</p></div>", "None"),
        ("", "<div style='background: url(x)'><p bgcolor='#eee'>here</p></div>", "#eeeeee"),
        ("", "<div style='background-color: transparent'>here</div>", "#ffffff"),
    ],
)
def test_the_ground_is_the_nearest_one_that_covers(sheet: str, body: str, ground: str) -> None:
    """Of attributes and rules; on a picture nobody knows."""
    assert str(seen(sheet, body).ground) == ground


def test_dark_rules_hold_in_dark_mode_alone() -> None:
    """And what they do not change stays as it is in light mode."""
    sheet = "p { background: #eee } @media (prefers-color-scheme: dark) { p { color: #fff } }"

    light, dark = (seen(sheet, "<p>here</p>", dark=each) for each in (False, True))

    assert (str(light.colour), str(light.ground)) == ("#000000", "#eeeeee")
    assert (str(dark.colour), str(dark.ground)) == ("#ffffff", "#eeeeee")


@pytest.mark.parametrize(
    ("body", "large"),
    [
        ("<p>here</p>", False),
        ("<h1>here</h1>", True),
        ("<p style='font-size: 24px'>here</p>", True),
        ("<p style='font-size: 19px'>here</p>", False),
        ("<p style='font-size: 19px; font-weight: 700'>here</p>", True),
        ("<b><span style='font-size: 1.2em'>here</span></b>", True),
        ("<p style='font-size: 18pt'>here</p>", True),
        ("<h1 style='font-size: 14px'>here</h1>", False),
    ],
)
def test_large_is_what_the_guidelines_call_large(body: str, large: bool) -> None:
    """18 points, or 14 if bold."""
    assert seen("", body).large is large


@pytest.mark.parametrize(
    "style", ["display:none", "visibility:hidden", "opacity:0", "opacity: 0.0", "font-size:0"]
)
def test_what_is_hidden_is_not_seen(style: str) -> None:
    """The preheader is, in every mail."""
    with pytest.raises(KeyError):
        seen(
            "",
            f"<div style='{style}'><p>here</p></div>"
            if style[0] != "f"
            else f"<p style='{style}'>here</p>",
        )
