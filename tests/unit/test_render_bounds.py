"""A template that loops for ever or explodes is stopped, and says where."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import pytest

from pipeline.errors import TemplateError
from pipeline.model.issue import Issue, Section, Story
from pipeline.model.newsletter import Newsletter
from pipeline.render import Renderer, bounds, packaged_templates
from pipeline.render.bounds import BoundedEnvironment, bounded
from pipeline.render.depth import DEEPEST, refuse_depth
from pipeline.render.fill import Filler
from pipeline.render.folders import TemplateFolders

ISSUE: Final = Issue(title="On Knots", sections=(Section(stories=(Story(title="Bowline"),)),))
MAIL: Final = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section>"
    "</mj-body></mjml>"
)

LOOPS: Final = {
    "two loops": "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}",
    "a macro that calls itself twice": (
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}"
    ),
    "a loop that calls itself": (
        "{% for x in [[1, 1]] recursive %}{% for i in range(40000) %}{% for j in range(40000) %}"
        "{% endfor %}{% endfor %}{% endfor %}"
    ),
    "a file that includes itself twice": (
        "{% set depth = depth|default(0) + 1 %}{% if depth < 40 %}"
        "{% include 'issue.txt.j2' %}{% include 'issue.txt.j2' %}{% endif %}"
    ),
}
FLOODS: Final = {
    "a product": "{{ 'x' * 10 ** 9 }}",
    "a product the other way round": "{{ 10 ** 9 * 'x' }}",
    "a list times a number": "{{ ([1] * 10 ** 9)|length }}",
    "a power": "{{ 10 ** 100000000 }}",
    "a sum that doubles": (
        "{% set n = namespace(x='xxxxxxxx') %}{% for i in range(60) %}"
        "{% set n.x = n.x + n.x %}{% endfor %}"
    ),
    "words run together that double": (
        "{% set n = namespace(x='xxxxxxxx') %}{% for i in range(60) %}"
        "{% set n.x = n.x ~ n.x %}{% endfor %}"
    ),
    "a list that holds itself many times": (
        "{% set n = namespace(x=['xxxx']) %}{% for i in range(60) %}"
        "{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}"
    ),
    "such a list run together": (
        "{% set n = namespace(x=['xxxx']) %}{% for i in range(60) %}"
        "{% set n.x = [n.x, n.x] %}{% endfor %}{{ 'a' ~ n.x }}"
    ),
    "such a list in a phrase": (
        "{% set n = namespace(x=['xxxx']) %}{% for i in range(60) %}"
        "{% set n.x = [n.x, n.x] %}{% endfor %}{{ '{a}'|say(a=n.x) }}"
    ),
    "such a list in capitals": (
        "{% set n = namespace(x=['xxxx']) %}{% for i in range(60) %}"
        "{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x|upper }}"
    ),
    "a wide format": "{{ '%999999999d'|format(1) }}",
    "a wide format by its operator": "{{ '%999999999d' % 1 }}",
    "a wide format by its method": "{{ '{:>999999999}'.format(1) }}",
    "a padded word": "{{ 'x'.ljust(999999999) }}",
    "a filter that pads": "{{ 'x'|center(999999999) }}",
    "a replacement": "{{ ('x' * 100000)|replace('x', 'y' * 100000) }}",
    "a separator": "{{ range(90000)|join('y' * 100000) }}",
    "a macro that prints": (
        "{% macro m() %}{% for i in range(90000) %}" + "x" * 1000 + "{% endfor %}{% endmacro %}"
        "{{ m()|length }}"
    ),
}


def failure(folder: Path, source: str) -> TemplateError:
    """Return the error of a text template of the workspace's."""
    (folder / "digest").mkdir(parents=True)
    (folder / "digest" / "issue.txt.j2").write_text(source, encoding="utf-8")
    filler = Filler(TemplateFolders.of([folder, packaged_templates()], "digest"))
    with pytest.raises(TemplateError) as caught:
        filler.fill("issue.txt.j2", {"subject": "On Knots"})
    return caught.value


@pytest.mark.parametrize("source", LOOPS.values(), ids=LOOPS)
def test_a_template_that_goes_round_for_ever_is_stopped(tmp_path: Path, source: str) -> None:
    """After a number of steps, before its time is up, with the file named."""
    error = failure(tmp_path, source)

    assert "turns of loops" in error.problem
    assert Path(error.file).name == "issue.txt.j2"


@pytest.mark.parametrize("source", FLOODS.values(), ids=FLOODS)
def test_a_template_that_floods_is_stopped(tmp_path: Path, source: str) -> None:
    """Before the memory is used, with file and line."""
    began = time.process_time()

    error = failure(tmp_path, f"one\n{source}")

    assert (Path(error.file).name, error.line) == ("issue.txt.j2", 2)
    assert time.process_time() - began < 5 * bounds.SECONDS


def test_a_file_that_floods_is_stopped(tmp_path: Path) -> None:
    """Also where no line is to blame: all of it is too much."""
    error = failure(tmp_path, "{% for i in range(90000) %}" + "x" * 1000 + "{% endfor %}")

    assert "2,000,000 characters" in error.problem


def test_a_template_has_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that take long each are stopped by the clock."""
    monkeypatch.setattr(bounds, "SECONDS", -1.0)
    template = BoundedEnvironment().from_string("{% for i in range(9) %}{{ i }}{% endfor %}")

    with pytest.raises(bounds.OutOfBounds, match="seconds"), bounded():
        template.render()


def test_what_templates_need_is_within_bounds() -> None:
    """Loops over loops, macros, formats and joins of an ordinary size go through."""
    source = (
        "{% macro m(x) %}[{{ x }}]{% endmacro %}"
        "{% for a in range(40) %}{% for b in range(40) %}{{ m(a * b) }}{% endfor %}{% endfor %}"
        "{{ '%02d'|format(7) }}{{ ['a', 'b']|join(', ') }}{{ 'a b'.split()|length }}"
        "{{ 'a-b'|replace('-', '+') }}{{ 'x' * 20 }}{{ loop is defined }}"
        "{% for c in 'abc' %}{{ loop.index }}/{{ loop.length }}{% if not loop.last %},{% endif %}"
        "{% endfor %}"
    )

    with bounded():
        text = BoundedEnvironment().from_string(source).render()

    assert text.startswith("[0][0]")
    assert text.endswith("07a, b2a+b" + "x" * 20 + "False1/3,2/3,3/3")


def test_a_budget_is_for_one_file() -> None:
    """What one file used is not missing in the next."""
    template = BoundedEnvironment().from_string("{% for i in range(60000) %}{% endfor %}done")

    for _ in range(3):
        with bounded():
            assert template.render() == "done"


def test_markup_that_would_crash_the_compiler_is_refused(tmp_path: Path) -> None:
    """Ten thousand levels end the interpreter without a word; some hundred are an error."""
    (tmp_path / "digest").mkdir()
    deep = MAIL.format("{% for i in range(20000) %}<b>{% endfor %}")
    (tmp_path / "digest" / "issue.mjml.j2").write_text(deep, encoding="utf-8")
    renderer = Renderer([tmp_path, packaged_templates()])

    with pytest.raises(TemplateError, match="nested"):
        renderer.render(ISSUE, Newsletter(), web_url="https://news.example.org/1/")


def test_depth_counts_what_is_open() -> None:
    """Void and closed elements are not deep, and quotes may hold brackets."""
    refuse_depth("<br><img alt='>'><p></p>" * DEEPEST * 2, "x")
    refuse_depth("<b>" * DEEPEST + "</b>" * DEEPEST, "x")

    with pytest.raises(TemplateError, match=r"x:2: <b> is nested"):
        refuse_depth("\n" + "<b>" * (DEEPEST + 1), "x")
