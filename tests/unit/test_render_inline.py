from __future__ import annotations

import re
import subprocess
import sys
from typing import Final, get_args

import pytest
from lxml import html as lxml_html
from msgspec.structs import fields

from pipeline.render.inline import PREMAILER, Inliner, inline
from pipeline.settings.tables import NewsletterTable
from tests.unit.inliner_mails import ROOT, THEMES, issues, mail

INLINERS: Final[tuple[Inliner, ...]] = get_args(Inliner)
PAGE: Final = "<!doctype html><html><head><title>t</title></head><body>{}</body></html>"

SIDES: Final = ("top", "right", "bottom", "left")
# premailer says these again for old clients; what they say is what the style says.
SAID_AGAIN: Final = {
    "align": "text-align",
    "bgcolor": "background-color",
    "valign": "vertical-align",
}


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )


def styles(html: str) -> list[tuple[str, dict[str, str]]]:
    """Return each element in order, with what its style attribute comes to.

    Bodies of tables are left out: HTML has them where nobody wrote them, and lxml does not.
    """
    return [
        (str(element.tag), declared(element.get("style", "")))
        for element in lxml_html.document_fromstring(html).iter("*")
        if element.tag != "tbody"
    ]


def declared(style: str) -> dict[str, str]:
    """Return what a style attribute comes to: the last word on each side and property."""
    found: dict[str, str] = {}
    for declaration in re.findall(r"""(?:[^;"']|"[^"]*"|'[^']*')+""", style):
        name, _, value = declaration.partition(":")
        if value.strip():
            found |= longhands(name.strip().lower(), plain(value))
    return found


def plain(value: str) -> str:
    """Return a value as it is after all that writers do differently: blanks, quotes, capitals."""
    value = re.sub(r"\s*,\s*", ",", " ".join(value.replace('"', "'").split())).lower()
    return re.sub(r"#([0-9a-f])([0-9a-f])([0-9a-f])(?!\w)", r"#\1\1\2\2\3\3", value)


def longhands(name: str, value: str) -> dict[str, str]:
    """Take apart the shorthands that can be told by their sides."""
    match name, value.split():
        case "margin" | "padding", [top, *others]:
            right = others[0] if others else top
            bottom = others[1] if len(others) > 1 else top
            four = (top, right, bottom, others[2] if len(others) > 2 else right)
            return {f"{name}-{side}": each for side, each in zip(SIDES, four, strict=True)}
        case "border", _:
            return {f"border-{side}": value for side in SIDES}
        case _:
            return {name: value}


def test_the_setting_names_every_engine_and_no_other() -> None:
    """Whatever newsletter.toml may say, `inline` knows; the default is the same."""
    [field] = (each for each in fields(NewsletterTable) if each.name == "inliner")

    assert get_args(get_args(field.type)[0]) == INLINERS
    assert field.default == PREMAILER


@pytest.mark.parametrize("issue", sorted(issues()))
@pytest.mark.parametrize("theme", THEMES)
def test_both_engines_come_to_the_same_styles(theme: str, issue: str) -> None:
    """Of every theme with every issue, each element has the same style from either engine."""
    given = mail(theme, issue)
    one, other = (inline(given.html, css=given.css, inliner=inliner) for inliner in INLINERS)

    assert styles(one) == styles(other)
    assert len([style for _, style in styles(one) if style]) > 50


@pytest.mark.parametrize("theme", THEMES)
def test_attributes_say_what_the_style_says(theme: str) -> None:
    """What premailer adds beside a style repeats it, and nothing else differs."""
    given = mail(theme, "mixed")
    trees = [
        lxml_html.document_fromstring(inline(given.html, css=given.css, inliner=inliner))
        for inliner in INLINERS
    ]
    pairs = zip(*([e for e in tree.iter("*") if e.tag != "tbody"] for tree in trees), strict=True)
    for one, other in pairs:
        style = declared(one.get("style", ""))
        again = {
            name: plain(value)
            for name, value in one.attrib.items()
            if name in SAID_AGAIN and value != other.get(name)
        }
        assert again == {name: style[SAID_AGAIN[name]] for name in again}
        assert {n: v for n, v in one.attrib.items() if n not in {*again, "style"}} == {
            n: v for n, v in other.attrib.items() if n not in {*again, "style"}
        }


@pytest.mark.parametrize("inliner", INLINERS)
def test_the_author_s_style_has_the_last_word(inliner: Inliner) -> None:
    """A style attribute of the template wins over its rules, as in a browser."""
    html = PAGE.format('<p class="a" style="color:#000001">x</p>')

    [*_, (_, style)] = styles(
        inline(html, css=".a { color: #000002; margin: 0 }", inliner=inliner)
    )

    assert style["color"] == "#000001"
    assert style["margin-left"] == "0"


@pytest.mark.parametrize("inliner", INLINERS)
def test_the_weightier_rule_wins_and_then_the_later_one(inliner: Inliner) -> None:
    """A class beats a type wherever it stands; of equals the later one stays."""
    css = ".a { color: #000001 } p { color: #000002 } .b { width: 1px } .c { width: 2px }"
    html = PAGE.format('<p class="c a b">x</p>')

    [*_, (_, style)] = styles(inline(html, css=css, inliner=inliner))

    assert style == {"color": "#000001", "width": "2px"}


@pytest.mark.parametrize("inliner", INLINERS)
def test_what_is_remembered_is_remembered_for_its_style_sheet(inliner: Inliner) -> None:
    """A changed rule, and a class that was not there before, count in the next mail."""
    with_a, with_b = (PAGE.format(f'<p class="{name}">x</p>') for name in "ab")
    css = ".a { color: #000001 } .b { color: #000002 }"

    found = [
        inline(html, css=sheet, inliner=inliner)
        for html, sheet in ((with_a, css), (with_b, css), (with_a, css.replace("1", "3")))
    ]

    assert [styles(html)[-1][1]["color"] for html in found] == ["#000001", "#000002", "#000003"]


def test_an_engine_that_is_not_there_is_an_error_with_a_remedy() -> None:
    """Whoever chose the extra and did not install it is told what to run."""
    done = run(
        "import sys; sys.modules['css_inline'] = None\n"
        "from pipeline.errors import ConfigError\n"
        "from pipeline.render.inline import inline\n"
        "try: inline('<p>', css='', inliner='css-inline')\n"
        "except ConfigError as error: print(error)\n"
    )

    assert done.stdout == (
        'newsletter.inliner: css-inline is not installed; run: pip install "broadsheet[css-inline]"'
        ', or name "premailer"\n'
    ), done.stderr


@pytest.mark.parametrize(
    ("inliner", "absent"),
    [("premailer", ("urllib3", "css_inline")), ("css-inline", ("premailer", "cssutils"))],
)
def test_a_mail_loads_its_engine_and_nothing_to_fetch_with(
    inliner: str, absent: tuple[str, ...]
) -> None:
    """Neither the other engine nor premailer's client for the network is paid for."""
    done = run(
        "import sys\n"
        "from pipeline.render.inline import inline\n"
        f"assert 'color' in inline('<p>x</p>', css='p {{ color: red }}', inliner={inliner!r})\n"
        f"print(sorted(set({absent!r}) & set(sys.modules)))\n"
    )

    assert done.stdout == "[]\n", done.stderr


def test_the_client_that_was_put_off_still_works() -> None:
    """Somebody else's plug-in may import requests, before premailer or after it."""
    for order in (("requests", "premailer"), ("premailer", "requests")):
        names = {"requests": "requests", "premailer": "pipeline.render.inline_premailer"}
        done = run(
            "".join(f"import {names[name]}\n" for name in order)
            + "import requests, requests.exceptions\n"
            "print(issubclass(requests.HTTPError, requests.exceptions.RequestException))\n"
        )

        assert done.stdout == "True\n", done.stderr
