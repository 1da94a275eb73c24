"""What is remembered between two builds changes nothing of what either would be alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml.html import document_fromstring
from msgspec.structs import replace
from premailer import Premailer

from pipeline.model.newsletter import Newsletter
from pipeline.model.rendered import MergeSlot
from pipeline.outbox.compose import compose
from pipeline.preflight import check, contrast, parts, slots
from pipeline.preflight.clients import usage
from pipeline.preflight.looks.cascade import Cascade, names
from pipeline.preflight.looks.kind import Said, linked, sort
from pipeline.preflight.looks.seen import seen
from pipeline.preflight.looks.sheet import read_sheets
from pipeline.preflight.mail import look, squeeze
from pipeline.preflight.parts import has_line_beyond
from pipeline.render import Renderer, inline_premailer, packaged_templates, text
from pipeline.render.inline import inline
from tests.unit.inliner_mails import issues

NEWSLETTER: Final = Newsletter(name="The Quay", postal_address="Net Loft\nPort Example")
CACHES: Final[tuple[Any, ...]] = (
    *(inline_premailer._written, text._wrapped, contrast._faint, usage.usages),
    *(parts._text, read_sheets),
)

CLASSES: Final = ("a", "b", "a b", "a-b c", "")
STYLES: Final = ("color:#777777", "width: 0px", "color:#111; background:#222", "display:none", "x")
SELECTORS: Final = ("p", ".a", ".b", "div .a", "div > p", ".a .b", "p.a", "div div p", ".a-b")
SAID: Final = (
    *("color: #767676", "background-color: #777", "text-align: right", "margin: 0 auto"),
    *("width: 0px", "vertical-align: top; color: unset", "font-size: 30px"),
)
attributes = st.fixed_dictionaries(
    {},
    optional={
        "class": st.sampled_from(CLASSES),
        "style": st.sampled_from(STYLES),
        "align": st.sampled_from(("left", "right")),
        "bgcolor": st.just("#eeeeee"),
        "id": st.sampled_from(("x", "y")),
    },
).map(lambda said: "".join(f' {name}="{value}"' for name, value in said.items()))
elements = st.recursive(
    st.tuples(st.sampled_from(("p", "span", "a")), attributes).map(
        lambda made: f"<{made[0]}{made[1]}>word</{made[0]}>"
    ),
    lambda inner: st.tuples(attributes, st.lists(inner, max_size=4)).map(
        lambda made: f"<div{made[0]}>{''.join(made[1])}</div>"
    ),
    max_leaves=12,
)
pages = st.lists(elements, max_size=4).map(
    lambda made: f"<!DOCTYPE html><html><head></head><body>{''.join(made)}</body></html>"
)
sheets = st.lists(
    st.tuples(st.sampled_from(SELECTORS), st.sampled_from(SAID)).map(
        lambda rule: f"{rule[0]} {{ {rule[1]} }}"
    ),
    min_size=1,
    max_size=5,
).map("\n".join)


def inlined_whole(page: str, css: str) -> str:
    """Return what premailer makes of a mail that it is given as it is."""
    made: str = Premailer(
        page,
        css_text=[css],
        allow_network=False,
        disable_leftover_css=True,
        strip_important=False,
        disable_validation=True,
        align_floating_images=False,
        disable_basic_attributes=["width", "height"],
    ).transform(pretty_print=False)
    return made


def forget() -> None:
    """Leave nothing of what was built before."""
    for cache in CACHES:
        cache.cache_clear()


def alike_after_each_other(build: Callable[[Any], object], one: object, other: object) -> None:
    """Assert that one, the other and the one again are each as if built first."""
    fresh = []
    for each in (one, other):
        forget()
        fresh.append(build(each))
    forget()

    assert [build(each) for each in (one, other, one)] == [*fresh, fresh[0]]


@given(pages, sheets)
def test_premailer_writes_into_a_kind_what_it_writes_into_an_element(page: str, css: str) -> None:
    """A mail inlined by its kinds has the bytes of a mail that premailer inlined whole."""
    assert inline(page, css=css, inliner="premailer") == inlined_whole(page, css)


@settings(max_examples=40)
@given(st.tuples(pages, sheets), st.tuples(pages, sheets))
def test_inlining_mixes_no_two_mails(one: tuple[str, str], other: tuple[str, str]) -> None:
    """Nor the same mail with two style sheets."""
    for page, css in (one, (one[0], other[1]), (other[0], one[1]), other, one):
        assert inline(page, css=css, inliner="premailer") == inlined_whole(page, css)


@given(pages, sheets, st.booleans())
def test_elements_of_a_kind_look_alike(page: str, css: str, dark: bool) -> None:
    """Looked at one by one, each has the look of its kind."""
    there = sort(document_fromstring(page))
    places: dict[Any, int] = {element: number for number, element in enumerate(there.elements)}
    alone: list[Said] = [
        (places.get(element.getparent(), -1), str(element.tag), tuple(element.items()))
        for element in there.elements
    ]
    looks = [
        seen(kinds, Cascade(read_sheets((css,)), names(kinds), dark=dark), dark=dark)
        for kinds in map(linked, (alone, there.kinds))
    ]

    assert looks[0] == [looks[1][number] for number in there.numbers]
    assert len(set(there.kinds)) == len(there.kinds)


@settings(max_examples=20)  # each is some twenty checks of a mail
@given(st.tuples(pages, sheets), st.tuples(pages, sheets))
def test_checking_mixes_no_two_mails(one: tuple[str, str], other: tuple[str, str]) -> None:
    """A finding is about the mail that is looked at, in whatever order mails come."""
    issue, rendered = sample("mixed")
    message = compose(rendered, NEWSLETTER, entry_id="1").sample(None)

    def checked(made: tuple[str, str]) -> object:
        html = made[0].replace("</head>", f"<style>{made[1]}</style></head>")
        return check(issue, replace(rendered, html=html), NEWSLETTER, message=message)

    for pair in ((one, other), (one, (one[0], other[1])), (one, (other[0], one[1]))):
        alike_after_each_other(checked, *pair)


@pytest.mark.parametrize("names", list(pairwise(sorted(issues())))[::4])
def test_building_mixes_no_two_issues(names: tuple[str, str]) -> None:
    """One renderer makes of an issue what a new one would, whatever it made before."""
    renderer = Renderer([packaged_templates()])

    def built(name: str) -> object:
        issue = issues()[name]
        rendered = renderer.render(issue, NEWSLETTER, web_url="https://news.example.org/1/")
        message = compose(rendered, NEWSLETTER, entry_id="1").sample(issue.date)
        return rendered, message, check(issue, rendered, NEWSLETTER, message=message)

    alike_after_each_other(built, *names)


@given(
    st.text(st.characters(codec=None, categories=None))
    | st.text("aÅ\u030a \n\u00a0=\u0338가\u11a8ß_")
)
@example("A \u030a")
@example("\u1100 \u1161")
def test_letters_are_the_same_word_by_word(written: str) -> None:
    """Nothing composes over a blank, so a text is squeezed as its words are."""
    whole = unicodedata.normalize("NFKC", written).casefold()

    assert squeeze(written) == re.sub(r"[\W_]+", "", whole)


@given(
    st.lists(st.sampled_from((b"", b"a", b"aaaa", b"aaaaa", b"aaaaaa", b"\r", b"\n"))).map(
        b"\r\n".join
    )
)
def test_a_long_line_is_found_wherever_it_stands(message: bytes) -> None:
    """Also one that is not ended, and one with a bare CR or LF in it."""
    longest = max(map(len, message.split(b"\r\n")))

    assert [has_line_beyond(message, most) for most in range(8)] == [
        longest > most for most in range(8)
    ]


PIECES: Final = (
    *(slot.value for slot in MergeSlot),
    "XX",
    "0",
    "XX0",
    "xx0",
    "UNSUBS",
    "READER",
    "A",
)


@given(st.lists(st.sampled_from(PIECES)).map("".join))
@example("XX0READER0XX0UNSUBS")
def test_no_odd_marker_is_overlooked(written: str) -> None:
    """The quick look for markers that are no slots finds whatever the long one would."""
    issue, rendered = sample("mixed")
    mail = look(issue, replace(rendered, text=written), NEWSLETTER, message=b"")
    quick = list(slots.markers(mail))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slots, "_has_others", lambda _: True)

        assert list(slots.markers(mail)) == quick


@lru_cache(maxsize=4)
def sample(name: str) -> tuple[Any, Any]:
    """Return an issue and its mail."""
    issue = issues()[name]
    renderer = Renderer([packaged_templates()])
    return issue, renderer.render(issue, NEWSLETTER, web_url="https://news.example.org/1/")
