"""What an inliner must leave as it was, whatever the mail: all but style attributes."""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Final, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.rendered import MARKER, MergeSlot, TextSlot
from pipeline.render.inline import Inliner, inline
from pipeline.render.urls import link_url

INLINERS: Final[tuple[Inliner, ...]] = get_args(Inliner)

_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_STYLE: Final = re.compile(r"<style.*?</style>", re.DOTALL)
_ADDRESS: Final = re.compile(r"""\s(?:href|src)=(?:"([^"]*)"|'([^']*)')""")
_TAG: Final = re.compile(r"""<(?:[^>"']|"[^"]*"|'[^']*')*>""")

classes = st.sampled_from("abcdef")
selectors = st.one_of(classes.map(".{}".format), st.sampled_from(["p", "a", "td", "p.a", ".a a"]))
declarations = st.sampled_from([
    "color: #0a1b2c",
    "margin: 0 0 16px",
    "padding: 2px 20px 4px 0",
    "font-family: Charter, 'Times New Roman', serif",
    "border-top: 1px solid #ffffff",
    "width: 50%",
    "text-align: right",
    "background-color: #fff",
])  # fmt: skip
rules = st.builds("{} {{ {}; {}; }}".format, selectors, declarations, declarations)
inline_css = st.lists(rules, max_size=8).map("\n".join)

# Everything premailer with its defaults drops, rewrites or mistakes for a rule.
live_rules = st.sampled_from([
    ".a { color: red !important; }",
    "@media (prefers-color-scheme: dark) { .b, p { color: #fff !important } }",
    "@media only screen and (max-width:480px) { .c > table > tbody > tr > td { padding: 0 } }",
    "[data-ogsc] .a { color: #fff !important; }",
    "@font-face { font-family: x; src: url('https://a.example.org/x.woff?a=1&b=2') }",
    "@supports (display: grid) { u + #body * { color: rgb(0 0 0 / 50%) } }",
    ":root { color-scheme: light dark; supported-color-schemes: light dark; }",
    "a:hover::after { content: '\\201C &amp; >'; mso-hide: all; -webkit-text-size-adjust: 100% }",
    "* { margin: 0 }",
    "/* a } comment { */",
])  # fmt: skip
style_blocks = st.builds(
    "<style{}>\n{}\n</style>".format,
    st.sampled_from(["", ' type="text/css"', ' media="screen and (min-width:480px)"']),
    st.lists(live_rules, max_size=5).map("\n".join),
)
comments = st.sampled_from([
    "<!--[if mso]><style>.a{color:red}</style><![endif]-->",
    "<!--[if !mso]><!-->",
    "<!--<![endif]-->",
    '<!--[if mso | IE]><v:rect style="width:600px" xmlns:v="urn:x"><o:p></o:p></v:rect><![endif]-->',
    '<!--[if mso]><a class="a" href="https://a.example.org/?a=1&amp;b=2">&nbsp;</a><![endif]-->',
])  # fmt: skip

texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
slots = st.one_of(
    st.sampled_from([MergeSlot.UNSUBSCRIBE_URL.value, MergeSlot.PREFERENCES_URL.value]),
    st.builds(TextSlot, st.sampled_from(["name", "Ort"]), st.text(max_size=5)).map(
        lambda slot: slot.marker
    ),
)
addresses = st.one_of(
    st.sampled_from(
        [MergeSlot.UNSUBSCRIBE_URL.value, MergeSlot.PREFERENCES_URL.value, "#story-1"]
    ),
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20).map(
        lambda text: link_url(f"https://a.example.org/{text}") or "#"
    ),
)


@st.composite
def bodies(draw: st.DrawFn) -> str:
    """Draw what MJML makes: tables, text, links, pictures, each with a class or two."""
    parts = []
    for _ in range(draw(st.integers(1, 6))):
        named = " ".join(draw(st.lists(classes, max_size=2)))
        said = escape(draw(texts)) + draw(slots)
        address = escape(draw(addresses))
        style = draw(st.sampled_from(["", ' style="color:#000000;"', ' style="margin:0px"']))
        elements = (
            f'<p class="{named}"{style}>{said}</p>',
            f'<p><a class="{named}" href="{address}"{style}>{said}</a></p>',
            f'<img class="{named}" src="{address}" alt="{said}" width="600">',
            f"<table><tbody><tr><td class='{named}'{style}>{said}</td></tr></tbody></table>",
        )
        parts.append(draw(st.sampled_from(elements)))
        parts.append(draw(st.just("") | comments))
    return "".join(parts)


@st.composite
def mails(draw: st.DrawFn) -> str:
    """Draw a whole document, as mrml begins one."""
    head = "".join(draw(st.lists(style_blocks | comments, max_size=4)))
    return (
        '<!doctype html><html lang="en" dir="ltr" xmlns:o="urn:schemas-microsoft-com:office:office">'
        f"<head><title>t</title>{head}</head><body>{draw(bodies())}</body></html>"
    )


def addresses_of(html: str) -> list[str]:
    """Return every address in order, as a client reads it."""
    return [unescape(one or other) for one, other in _ADDRESS.findall(_COMMENT.sub("", html))]


def text_of(html: str) -> str:
    """Return what is read, blanks of the writer aside."""
    return unescape(_TAG.sub("", _COMMENT.sub("", _STYLE.sub("", html)))).strip()


@pytest.mark.parametrize("inliner", INLINERS)
@given(html=mails(), css=inline_css)
def test_only_style_attributes_are_written(inliner: Inliner, html: str, css: str) -> None:
    """Doctype, comments, style sheets, addresses, slots and words stay, byte for byte."""
    inlined = inline(html, css=css, inliner=inliner)

    assert inlined.startswith("<!DOCTYPE html>")
    assert _COMMENT.findall(inlined) == _COMMENT.findall(html)
    assert _STYLE.findall(inlined) == _STYLE.findall(html)
    assert addresses_of(inlined) == addresses_of(html)
    assert MARKER.findall(inlined) == MARKER.findall(html)
    assert text_of(inlined) == text_of(html)
    assert "data-premailer" not in inlined
