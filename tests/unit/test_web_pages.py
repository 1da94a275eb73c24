"""The public pages: their form, their policy, and templates of a workspace's own."""

from __future__ import annotations

import logging
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest

from pipeline.errors import TemplateError
from pipeline.model.newsletter import Newsletter
from pipeline.web.language import LANGUAGES
from tests.browser.public_pages import SAMPLES, pages, rendered, request

ATTACK: Final = "<img src=x onerror=alert(1)>\"'{{7*7}}"
# Elements and attributes that run, load or lead elsewhere.
ACTIVE: Final = re.compile(
    r"<(script|iframe|object|embed|link|img|base)\b|\son\w+=|javascript:", re.IGNORECASE
)


class Outline(HTMLParser):
    """What stands in a page: elements with their attributes, and those left open."""

    VOID: Final = frozenset({"meta", "input", "br", "hr", "img", "link"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Expect the element opened last."""
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SAMPLES)
def test_a_page_is_well_formed_in_every_language(name: str, language: str) -> None:
    """One h1, a title, a language, a label for each control; nothing that runs or loads."""
    html = rendered(name, language)
    outline = Outline(html)
    tags = [tag for tag, _ in outline.elements]
    labels = {attributes.get("for") for tag, attributes in outline.elements if tag == "label"}
    controls = [
        attributes.get("id")
        for tag, attributes in outline.elements
        if tag in {"input", "select", "textarea"}
        and attributes.get("type") not in {"hidden", "checkbox"}
        and attributes.get("name") != "remark"
    ]

    assert outline.open == []
    direction = "rtl" if language == "ar" else "ltr"
    assert outline.elements[0] == ("html", {"lang": language, "dir": direction})
    assert [tags.count(tag) for tag in ("h1", "title", "main", "style")] == [1, 1, 1, 1]
    assert set(controls) <= labels
    assert not ACTIVE.search(html)
    assert "{{" not in html
    assert "%(" not in html


@pytest.mark.parametrize("name", SAMPLES)
def test_the_policy_allows_the_one_style_and_nothing_else(name: str) -> None:
    """No unsafe-inline: only the style whose hash is named works, and there is no other."""
    sample = SAMPLES[name]
    answer = pages().answer(
        request(sample.method), sample.template, status=sample.status, **sample.words
    )
    html = bytes(answer.body).decode()
    styles = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = b64encode(sha256(styles[0].encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]

    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    assert " style=" not in html
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-robots-tag"].startswith("noindex")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in answer.headers


def test_what_people_and_operators_wrote_is_text() -> None:
    """A name, an address and a title are shown as they are, whatever is in them."""
    newsletter = Newsletter(name=ATTACK, tagline=ATTACK, postal_address=ATTACK)
    words = {**SAMPLES["subscribe"].words, "address": ATTACK, "name": ATTACK, "wording": ATTACK}

    answer = pages(newsletter=newsletter).answer(request("POST"), "subscribe", **words)
    html = bytes(answer.body).decode()

    assert "<img" not in html
    assert html.count("&lt;img src=x onerror=alert(1)&gt;") >= 6
    assert "49" not in html


@pytest.mark.parametrize(
    ("query", "theirs", "header", "ours", "wanted"),
    [
        ("lang=pl", "de", "fr", "es", "pl"),
        ("lang=xx", "de", "fr", "es", "de"),
        ("", "de-AT", "fr", "es", "de"),
        ("", None, "xx, fr;q=0.5", "es", "fr"),
        ("", "xx", "", "es", "es"),
        ("", None, "", "xx", "en"),
    ],
)
def test_a_page_speaks_to_its_reader(
    query: str, theirs: str | None, header: str, ours: str, wanted: str
) -> None:
    """Asked for, then the reader's, then the browser's, then the newsletter's."""
    asked = request(query=query, headers={"Accept-Language": header})

    assert pages(newsletter=Newsletter(language=ours)).language(asked, theirs) == wanted


def test_a_workspace_has_its_own_page(tmp_path: Path) -> None:
    """One template is laid over ours, extends ours, and the others stay."""
    (tmp_path / "asked.html").write_text(
        '{% extends "base.html" %}{% block title %}Ahoy{% endblock %}'
    )
    (tmp_path / "style.css").write_text("h1 { color: navy }\n")

    ours = bytes(pages(tmp_path).answer(request("POST"), "left").body).decode()
    theirs = bytes(pages(tmp_path).answer(request("POST"), "asked").body).decode()

    pages(tmp_path).check()
    assert "<h1>Ahoy</h1>" in theirs
    assert "<h1>You are unsubscribed</h1>" in ours
    assert "<style>h1 { color: navy }</style>" in ours


def test_a_page_that_is_no_template_is_named_before_anybody_sees_it(tmp_path: Path) -> None:
    """The file and the line, when the server starts."""
    (tmp_path / "asked.html").write_text("<p>\n{% if %}\n")

    with pytest.raises(TemplateError, match=r"asked\.html:2: "):
        pages(tmp_path).check()


@pytest.mark.parametrize(
    "source",
    [
        "{{ nobody_has_this }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{% include '../../newsletter.toml' %}",
        "{{ 1 / 0 }}",
    ],
)
def test_a_page_that_fails_costs_no_reader_the_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, source: str
) -> None:
    """Ours is shown in its place, and the operator is told. Nothing outside is reached."""
    (tmp_path / "left.html").write_text(source)

    with caplog.at_level(logging.WARNING, "broadsheet"):
        answer = pages(tmp_path).answer(request("POST"), "left")

    assert b"<h1>You are unsubscribed</h1>" in bytes(answer.body)
    assert "shown without your templates" in caplog.text
