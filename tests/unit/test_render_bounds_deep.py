"""What a template makes on its way is bounded, too: piles, nests, and one long step.

Each is a small sibling of something that hangs or fills the memory, so that a build without
the bound fails here at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from pipeline.errors import TemplateError
from pipeline.render import packaged_templates
from pipeline.render.bounds import OutOfBounds
from pipeline.render.fill import Filler
from pipeline.render.folders import TemplateFolders
from pipeline.render.lint import lint

NEST: Final = (
    "{% set n = namespace(x=['x'], y=['x']) %}{% for i in range(18) %}"
    "{% set n.x = [n.x, n.x] %}{% set n.y = [n.y, n.y] %}{% endfor %}"
)
PILES: Final = {
    "texts in a list": (
        "{% set n = namespace(x=[]) %}{% for i in range(30) %}"
        "{% set n.x = [n.x, 'x' * 1000000] %}{% endfor %}"
    ),
    "blocks in a list": (
        "{% set n = namespace(x=[]) %}{% for i in range(30) %}"
        "{% set t %}{{ 'x' * 1000000 }}{% endset %}{% set n.x = [n.x, t] %}{% endfor %}"
    ),
    "lists in a list": (
        "{% set n = namespace(x=[]) %}{% for i in range(9) %}"
        "{% set n.x = [n.x, range(20000)|list] %}{% endfor %}"
    ),
    "pieces of a text": (
        "{% set n = namespace(x=[]) %}{% for i in range(9) %}"
        "{% set n.x = [n.x, ('a ' * 150000).split()] %}{% endfor %}"
    ),
    "a format of long words": "{{ (('%s' * 10) % (('x' * 500000,) * 10))|length }}",
    "a filter of long words": "{{ (('%s' * 10)|format(*(('x' * 500000,) * 10)))|length }}",
    "a format of many widths": "{{ (('%999s' * 9000) % (('x',) * 9000))|length }}",
    "a phrase of many gaps": "{{ (('{a}' * 10)|say(a='x' * 500000))|length }}",
}
NESTS: Final = {
    "what holds it, as text": NEST + "{{ n }}",
    "its items as text": NEST + "{{ {'a': n.x}.items() }}",
    "its values in capitals": NEST + "{{ {'a': n.x}.values()|upper }}",
    "compared": NEST + "{{ n.x == n.y }}",
    "looked for": NEST + "{{ n.x in [n.y] }}",
    "as a name": NEST.replace("[", "(").replace("]", ",)") + "{{ {n.x: 1}|length }}",
    "by calls": (
        "{% set n = namespace(x={}) %}{% for i in range(18) %}"
        "{% set n.x = dict(a=n.x, b=n.x) %}{% endfor %}{{ n.x == 1 }}"
    ),
}
LONG: Final = {
    "a number of many places": "{{ 1|round(1000, 'ceil') }}",
    "a number of many zeros": "{{ 1|round(-1000) }}",
    "a number of many digits": "{{ ('f' * 1000)|int(0, 16) > 1 }}",
    "a text looked for in another": "{{ ('a' * 9000).rpartition('ab' + 'a' * 4000)|length }}",
    "many letters taken off": "{{ ('a' * 9000)|trim('b' * 4000 + 'a') }}",
    "filters over many lists": (
        "{{ ([range(9000)] * 20)|map('list')|map('length')|list|length }}"
    ),
    "the largest of many": "{{ ([range(9000)] * 120000)|map('first')|max }}",
}


def filled(folder: Path, source: str) -> str:
    """Fill a text template of the workspace's."""
    (folder / "digest").mkdir(parents=True)
    (folder / "digest" / "issue.txt.j2").write_text(source, encoding="utf-8")
    filler = Filler(TemplateFolders.of([folder, packaged_templates()], "digest"))
    return filler.fill("issue.txt.j2", {"subject": "On Knots"})


@pytest.mark.parametrize("source", [*PILES.values(), *NESTS.values(), *LONG.values()])
def test_what_costs_much_is_stopped_before_it_costs(tmp_path: Path, source: str) -> None:
    """All that is made is counted, whatever holds it, and no single step is long."""
    with pytest.raises(TemplateError) as caught:
        filled(tmp_path, source)

    assert isinstance(caught.value.__cause__, OutOfBounds)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ [('a', 1), ('b', 2)]|map('first')|join }}", "ab"),
        ("{% for a, b in {'x': 1}.items() %}{{ a }}{{ b }}{% endfor %}", "x1"),
        ("{{ 'a, b'.split(', ')|sort(reverse=true)|join('-') }}", "b-a"),
        ("{{ 2.5|round(1) }} {{ '7'|int + 1 }} {{ ' x '|trim }} {{ none }}", "2.5 8 x None"),
        ("{{ '%-5s|%03d' % ('a', 7) }}", "a    |007"),
        ("{{ [3, 1]|max }}{{ ['b', 'a']|unique|list|length }}{{ (1, 2) == (1, 2) }}", "32True"),
    ],
)
def test_what_costs_little_is_as_it_was(tmp_path: Path, source: str, text: str) -> None:
    """Lists, pairs, methods and numbers of an ordinary size."""
    assert filled(tmp_path, source) == text


@pytest.mark.parametrize(
    "source",
    ["{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "{% if 1 %}" * 2000 + "{% endif %}" * 2000],
)
def test_a_template_that_is_nested_too_deep_is_a_finding(tmp_path: Path, source: str) -> None:
    """`template check` says so, and does not end in a traceback."""
    (tmp_path / "digest").mkdir()
    (tmp_path / "digest" / "issue.mjml.j2").write_text(source, encoding="utf-8")

    found = lint(TemplateFolders.of([tmp_path, packaged_templates()], "digest"))

    assert "T101" in [each.code for each in found]
