from __future__ import annotations

import logging
import subprocess
import sys

import cssutils
import pytest
from hypothesis import given
from hypothesis import strategies as st
from premailer import Premailer

from pipeline.render.inline import inline
from pipeline.render.inline_premailer import _rule
from pipeline.render.plain_css import read_pairs, read_rules
from tests.unit.inliner_mails import ROOT, THEMES, mail

cssutils.log.setLevel(logging.CRITICAL)

NAMES = ("color", "margin", "margin-top", "font-family", "border", "mso-line-height-rule", "width")
WORDS = (
    *("0", "0px", "1px", "-1px", "10%", "1.5em", "-0.4px", "0.05em", "1.0px", ".5px", "100", "+1"),
    *("red", "Red", "-apple-system", "BlinkMacSystemFont", "none", "inherit", "u", "e", "a-b"),
    *(
        "#fff",
        "#ffffff",
        "#aabbcc",
        "#AABBCC",
        "#aabbcd",
        "#abcd",
        "'Segoe UI'",
        '"a b"',
        '"a\'b"',
    ),
    *("url(a.png)", "calc(1px + 2px)", "''", "'  x '", "!important", "'#ffffff'", "2e3", "--x"),
)
values = st.lists(
    st.tuples(st.sampled_from(WORDS), st.sampled_from((" ", ", ", ",", " , ", "  ", "/"))),
    min_size=1,
    max_size=4,
).map(lambda parts: "".join(word + between for word, between in parts)[: -len(parts[-1][1])])
declarations = st.lists(
    st.tuples(st.sampled_from(NAMES), values).map(": ".join), min_size=1, max_size=4
).map("; ".join)
selectors = st.lists(
    st.sampled_from(("p", "h1", ".a", ".a.b", "td.a", ".A-b_c", "p .a", "a:hover", "*", "p > a")),
    min_size=1,
    max_size=3,
).map(", ".join)
sheets = st.lists(
    st.tuples(selectors, declarations).map(lambda rule: f"{rule[0]} {{ {rule[1]}; }}\n"),
    min_size=1,
    max_size=3,
).map("".join)


@given(declarations)
def test_declarations_are_those_of_cssutils(css: str) -> None:
    """What is plain is written as cssutils would; the rest is left to it."""
    theirs = [
        (each.name, each.propertyValue.cssText) for each in cssutils.parseStyle(css, validate=True)
    ]

    assert read_pairs(css) in (None, theirs)


@given(sheets)
def test_rules_are_those_of_premailer(css: str) -> None:
    """Of plain rules it takes the same selectors, weights and declarations from us."""
    plain = read_rules(css)
    theirs = Premailer("<p>", disable_validation=True, strip_important=False)
    expected = theirs._parse_style_rules(css, 3)
    with pytest.MonkeyPatch.context() as patch:
        ours = [_rule(selectors, pairs) for selectors, pairs in plain or ()]
        patch.setattr(theirs, "_parse_css_string", lambda *_, **__: ours)

        assert plain is None or theirs._parse_style_rules(css, 3) == expected


@pytest.mark.parametrize("theme", THEMES)
def test_our_themes_are_plain(theme: str) -> None:
    """Otherwise each build would load and ask cssutils."""
    assert read_rules(mail(theme, "mixed").css)


def test_a_mail_of_ours_does_not_load_cssutils() -> None:
    """It is a tenth of the cost of a build to load it."""
    code = (
        "import sys; from tests.unit.inliner_mails import mail; given = mail('digest', 'mixed')\n"
        "from pipeline.render.inline import inline\n"
        "inline(given.html, css=given.css, inliner='premailer')\n"
        "assert 'cssutils' not in sys.modules"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "css",
    [
        "color: red; color: blue",
        "width: 0px",
        "background: url(a.png)",
        "color: red !important",
        "content: 'a;b'",
        "width",
    ],
)
def test_what_is_not_plain_is_left(css: str) -> None:
    """Repeated properties, functions, weights and odd spellings are not ours to read."""
    assert read_pairs(css) is None


def test_cssutils_reads_what_is_left_to_it() -> None:
    """In a style sheet, and in a style attribute of the template."""
    page = '<!doctype html><html><body><p class="a" style="height: 0px">x</p></body></html>'

    inlined = inline(page, css=".a { width: 0px; margin: calc(1px + 2px) }", inliner="premailer")

    assert 'style="width:0; margin:calc(1px + 2px); height:0"' in inlined
