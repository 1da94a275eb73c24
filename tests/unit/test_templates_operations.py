"""Templates listed, started and checked; and an issue that chooses its own."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from pipeline.app import App
from pipeline.diagnostic import Diagnostic
from pipeline.errors import ConfigError, TemplateError
from pipeline.operations.template import Checked
from pipeline.render import packaged_templates
from pipeline.settings import load

ISSUE: Final = """---
title: "On Knots"
template: {template}
---

## Bowline

It holds.
"""


@pytest.fixture
def app(tmp_path: Path) -> App:
    """Give a workspace with no template of its own."""
    (tmp_path / "newsletter.toml").write_text(
        '[newsletter]\nname = "The Quay"\nsite_url = "https://quay.example.org"\n'
        'from = "quay@quay.example.org"\npostal_address = "1 Quay Lane"\n',
        encoding="utf-8",
    )
    return App(settings=load(tmp_path), root=tmp_path, has_workspace=True)


def mine(app: App, name: str, text: str) -> Path:
    """Write a template file of the workspace."""
    file = app.root / "templates" / "email" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def codes(checked: Checked) -> list[str]:
    """Return what was found."""
    return [each.code for each in checked.found]


def only(checked: Checked, code: str) -> Diagnostic:
    """Return the one finding of a code."""
    (found,) = (each for each in checked.found if each.code == code)
    return found


def test_the_packaged_templates_are_listed(app: App) -> None:
    """Three, each with a title and a line about it; neither the family nor the notices."""
    found = app.list_templates()()

    assert [(each.name, each.origin) for each in found] == [
        ("briefing", "packaged"),
        ("digest", "packaged"),
        ("essay", "packaged"),
    ]
    assert all(each.title and each.about and not each.overrides for each in found)


def test_a_list_says_what_is_ones_own(app: App) -> None:
    """A file laid over a packaged one, and a template of one's own."""
    mine(app, "digest/inline.css", "")
    mine(app, "quay/theme.toml", 'name = "The Quay"')
    mine(app, "quay/partials/footer.mjml.j2", "")

    found = {each.name: each for each in app.list_templates()()}

    assert found["digest"].origin == "packaged, changed here"
    assert found["digest"].overrides == ("inline.css",)
    assert found["quay"].origin == "workspace"
    assert found["quay"].title == "The Quay"
    assert found["quay"].overrides == ("partials/footer.mjml.j2", "theme.toml")


@pytest.mark.parametrize("origin", ["digest", "briefing", "essay"])
def test_a_new_template_looks_as_its_origin_until_it_is_changed(app: App, origin: str) -> None:
    """The copy is whole, checks clean and renders the same mail."""
    files = app.new_template()("quay", origin=origin)

    folder = app.root / "templates" / "email" / "quay"
    assert {file.name for file in files} >= {"theme.toml", "issue.mjml.j2", "sample.md"}
    assert all(file.is_relative_to(folder) for file in files)
    assert sorted(codes(app.check_template()("quay"))) == []
    sample = app.examine()(folder / "sample.md")
    theirs = app.examine()(packaged_templates() / origin / "sample.md")
    assert sample.rendered.html == theirs.rendered.html or origin != "digest"


@pytest.mark.parametrize(
    "name", ["digest", "family", "notices", "../elsewhere", "/tmp/x", "A", "", "a/b", "x" * 65]
)
def test_a_name_that_is_taken_or_none_is_refused(app: App, name: str) -> None:
    """Nothing is written, in the workspace or beside it."""
    with pytest.raises(ConfigError):
        app.new_template()(name)

    assert not (app.root / "templates").exists()


def test_a_new_template_replaces_nothing(app: App) -> None:
    """A folder that is there is somebody's work."""
    mine(app, "quay/inline.css", "mine")

    with pytest.raises(ConfigError, match="already"):
        app.new_template()("quay")

    assert (app.root / "templates/email/quay/inline.css").read_text("utf-8") == "mine"


def test_a_template_folder_that_leads_out_is_refused(app: App, tmp_path: Path) -> None:
    """A link is no way to write elsewhere."""
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.mkdir()
    root = app.root / "templates" / "email"
    root.mkdir(parents=True)
    (root / "quay").symlink_to(elsewhere)

    with pytest.raises(TemplateError, match="leads out"):
        app.new_template()("quay")

    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("name", ["digest", "briefing", "essay"])
def test_the_packaged_templates_are_fit_to_be_sent(app: App, name: str) -> None:
    """With their own sample, those of the others, and one in Arabic and one in Japanese."""
    checked = app.check_template()(name)

    assert checked.samples[0][0] == f"{name}/sample.md"
    assert len(checked.samples) == 5
    assert max(size for _, size in checked.samples) < 60_000
    assert codes(checked) == []


@pytest.mark.parametrize(
    ("file", "line", "code"),
    [
        ("partials/footer.mjml.j2", "{% if false %}{{ isue.title }}{% endif %}", "T201"),
        ("partials/footer.mjml.j2", "{{ words.contnts }}", "T101"),
        ("partials/footer.mjml.j2", '<mj-section padding="0 24px">', "T301"),
        ("partials/footer.mjml.j2", '<mj-include path="x" />', "T302"),
        ("partials/footer.mjml.j2", '<mj-image src="https://a.example.org/i.png" />', "T303"),
        ("partials/footer.mjml.j2", "<p title='{{ subject }}'>", "T304"),
        ("partials/footer.mjml.j2", "{{ subject|safe }}", "T305"),
        ("inline.css", "p:hover { color: #123456; }", "T101"),
        ("live.css", "@media (width <= 480px) { }", "T101"),
        ("theme.toml", '[light]\nmuted = "#c0c0c0"', "T101"),
        ("theme.toml", "[light", "T101"),
        ("inline.css", ".x { padding-left: 2px; padding: 0; }", "T401"),
    ],
)
def test_a_check_names_the_file_and_the_line(app: App, file: str, line: str, code: str) -> None:
    """Of a mistake in a file laid over a packaged template; the other files are not blamed."""
    comment = "# one" if file.endswith("toml") else "one" if file.endswith("j2") else "/* one */"
    own = mine(app, f"digest/{file}", f"{comment}\n{line}\n")

    checked = app.check_template()("digest")

    found = next(each for each in checked.found if each.code == code)
    assert Path(found.file or "") == own
    assert found.line in {2, 3}
    assert checked.errors or code == "T401"


def test_a_check_of_an_unknown_template_lists_those_there_are(app: App) -> None:
    """And offers the nearest."""
    with pytest.raises(ConfigError, match="did you mean 'essay'"):
        app.check_template()("esay")


@pytest.mark.parametrize("template", ["essay", "briefing"])
def test_an_issue_may_choose_its_template(app: App, template: str) -> None:
    """One line of the front matter; the next issue is the newsletter's again."""
    chosen, usual = app.root / "a.md", app.root / "b.md"
    chosen.write_text(ISSUE.format(template=template), encoding="utf-8")
    usual.write_text(ISSUE.replace("template: {template}\n", ""), encoding="utf-8")
    examine = app.examine()

    assert examine(chosen).rendered == examine(chosen).rendered
    assert examine(chosen).rendered.html != examine(usual).rendered.html
    assert examine(chosen).issue.template == template
    assert examine(usual).issue.template is None


def test_an_issue_with_an_unknown_template_says_where(app: App) -> None:
    """File and line of the front matter, and what there is."""
    file = app.root / "a.md"
    file.write_text(ISSUE.format(template="breifing"), encoding="utf-8")

    with pytest.raises(ConfigError, match=r"a\.md:3: .*did you mean 'briefing'"):
        app.examine()(file)
