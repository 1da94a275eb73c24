"""Template folders, themes and what happens to a designer's mistakes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from pipeline.errors import ConfigError, TemplateError
from pipeline.model.content import Paragraph
from pipeline.model.issue import Issue, Section, Story
from pipeline.model.newsletter import Newsletter
from pipeline.model.rendered import RenderedIssue
from pipeline.render import Renderer, packaged_templates
from pipeline.render.compile import compile_mjml
from pipeline.render.contrast import contrast
from pipeline.render.fill import Filler
from pipeline.render.folders import TemplateFolders
from pipeline.render.theme import load_theme
from pipeline.render.variables import variables

ISSUE: Final = Issue(
    title="On Knots",
    sections=(Section(stories=(Story(title="Bowline", body=(Paragraph(("It holds.",)),)),)),),
)
MJML: Final = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>"
    "{}"
    "</mj-text></mj-column></mj-section></mj-body></mjml>"
)


def write(root: Path, files: dict[str, str]) -> Path:
    """Write template files under a root and return it."""
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return root


def render(*roots: Path, template: str = "digest") -> RenderedIssue:
    """Render the one issue of this file."""
    renderer = Renderer([*roots, packaged_templates()], template)
    return renderer.render(ISSUE, Newsletter(), web_url="https://news.example.org/1/")


def failure(root: Path) -> TemplateError:
    """Return the error of a broken template."""
    with pytest.raises(TemplateError) as caught:
        render(root)
    return caught.value


def text_failure(root: Path) -> TemplateError:
    """Return the error of a broken text template, without making the mail around it."""
    folders = TemplateFolders.of([root, packaged_templates()], "digest")
    web_url = "https://news.example.org/1/"
    values = variables(ISSUE, Newsletter(), load_theme(folders), web_url=web_url)
    with pytest.raises(TemplateError) as caught:
        Filler(folders).fill("issue.txt.j2", values)
    return caught.value


def test_one_file_of_the_author_is_laid_over_the_packaged_template(tmp_path: Path) -> None:
    """A workspace that only has its own text template takes the rest from the package."""
    write(tmp_path, {"digest/issue.txt.j2": "Only {{ subject }}."})

    rendered = render(tmp_path)

    assert rendered.text == "Only On Knots."
    assert "Bowline" in rendered.html


def test_one_line_of_the_author_is_laid_over_the_packaged_theme(tmp_path: Path) -> None:
    """A theme names only what differs."""
    write(tmp_path, {"digest/theme.toml": '[light]\naccent = "#005f5f"\n'})

    theme = load_theme(TemplateFolders.of([tmp_path, packaged_templates()], "digest"))

    assert theme["light"]["accent"] == "#005f5f"
    assert theme["light"]["ink"] == "#101b20"
    assert "#005f5f" in render(tmp_path).html


def test_a_template_of_its_own_starts_from_the_family(tmp_path: Path) -> None:
    """A new folder brings its files, uses partials of its family and speaks the default's words."""
    write(
        tmp_path,
        {
            "plain/issue.mjml.j2": MJML.format(
                "{% include 'family/mark.mjml.j2' %}<h1 class='x'>{{ subject }}</h1>"
            ),
            "plain/issue.txt.j2": "{{ subject }}",
            "plain/inline.css": ".x { color: {{ light.accent }}; }",
            "plain/live.css": "",
            "plain/theme.toml": '[light]\naccent = "#123456"\n',
            "family/mark.mjml.j2": "<p>{{ words.contents }}</p>",
        },
    )

    rendered = render(tmp_path, template="plain")

    assert '<h1 class="x" style="color:#123456">On Knots</h1>' in rendered.html
    assert "In this issue" in rendered.html


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """A preview may keep its renderer while the designer works."""
    write(tmp_path, {"digest/issue.txt.j2": "one"})
    renderer = Renderer([tmp_path, packaged_templates()])
    first = renderer.render(ISSUE, Newsletter(), web_url="https://news.example.org/1/")

    write(tmp_path, {"digest/issue.txt.j2": "two"})
    second = renderer.render(ISSUE, Newsletter(), web_url="https://news.example.org/1/")

    assert (first.text, second.text) == ("one", "two")


@pytest.mark.parametrize("name", ["digets", "nothing-like-it", "../default", "a/b", "", "Digest"])
def test_an_unknown_template_is_a_setting_to_fix(name: str) -> None:
    """The message names the template meant, or those there are."""
    with pytest.raises(ConfigError, match="digest"):
        Renderer([packaged_templates()], name)


@pytest.mark.parametrize(
    "name",
    [
        "../secret.txt",
        "partials/../../secret.txt",
        "/etc/passwd",
        "..\\secret.txt",
        "C:secret.txt",
        "link.txt",
        "linked/secret.txt",
        "",
        "nul\0byte",
    ],
)
def test_no_template_file_lies_outside_its_folder(tmp_path: Path, name: str) -> None:
    """Neither dots nor absolute names nor symbolic links lead out; the secret is not shown."""
    secret = write(tmp_path / "elsewhere", {"secret.txt": "hunter2"})
    root = write(tmp_path / "templates", {"digest/issue.txt.j2": f"{{% include {name!r} %}}"})
    write(tmp_path / "templates", {"secret.txt": "hunter2"})
    (root / "digest" / "link.txt").symlink_to(secret / "secret.txt")
    (root / "digest" / "linked").symlink_to(secret)

    error = text_failure(root)

    assert "hunter2" not in str(error)


def test_percent_escapes_in_a_name_are_not_decoded(tmp_path: Path) -> None:
    """`%2e%2e` is the name of a file that does not exist."""
    write(tmp_path, {"digest/issue.txt.j2": "a\n{% include '%2e%2e/x' %}"})

    error = text_failure(tmp_path)

    assert (Path(error.file), error.line) == (tmp_path / "digest" / "issue.txt.j2", 2)
    assert "'%2e%2e/x'" in error.problem


def test_a_linked_template_folder_is_refused(tmp_path: Path) -> None:
    """A folder that is a symbolic link out of the root is no template."""
    root = tmp_path / "templates"
    root.mkdir()
    (root / "digest").symlink_to(write(tmp_path / "elsewhere", {"issue.txt.j2": "x"}))

    with pytest.raises(TemplateError, match="leads out"):
        Renderer([root, packaged_templates()])


@pytest.mark.parametrize(
    ("source", "line", "problem"),
    [
        ("a\n{{ isue.title }}", 2, "'isue' is unknown; did you mean 'issue'?"),
        ("{{ issue.titel }}", 1, "Issue has no 'titel'; did you mean 'title' or"),
        ("a\n\n{{ words.contnts }}", 3, "there is no 'contnts' here; did you mean 'contents'?"),
        ("{{ subject|upcase }}", 1, "No filter named 'upcase'"),
        ("{{ subject|warp }}", 1, "No filter named 'warp'; did you mean 'wrap'?"),
        ("a\n{% if %}", 2, "Expected an expression"),
        ("{% for x in sections %}", 1, "Unexpected end of template"),
        ("a\n{{ 1 / 0 }}", 2, "ZeroDivisionError"),
        ("{{ subject + 1 }}", 1, "TypeError"),
        ("{% include 'issue.txt.j2' %}", 1, "goes round in circles"),
    ],
)
def test_a_mistake_names_file_and_line(
    tmp_path: Path, source: str, line: int, problem: str
) -> None:
    """Unknown names come with what may have been meant, everything else with its reason."""
    write(tmp_path, {"digest/issue.txt.j2": source})

    error = text_failure(tmp_path)

    assert (Path(error.file), error.line) == (tmp_path / "digest" / "issue.txt.j2", line)
    assert problem in error.problem


def test_a_mistake_in_a_partial_names_the_partial(tmp_path: Path) -> None:
    """The innermost template is the one to open."""
    partial = "{% macro story_text(placed) %}\n{{ nme }}{% endmacro %}"
    write(tmp_path, {"digest/partials/story.txt.j2": partial})

    error = text_failure(tmp_path)

    assert (Path(error.file), error.line) == (tmp_path / "digest/partials/story.txt.j2", 2)


@pytest.mark.parametrize(
    "attack",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ issue.__class__.__init__.__globals__ }}",
        "{{ '{0.__class__}'.format(issue) }}",
        "{{ ('%s'|format(issue)).__class__ }}",
        "{{ words.update({'contents': 'x'}) }}",
        "{{ range(1000000000)|list }}",
        "{{ issue.__setattr__('title', 'x') }}",
        "{{ sections|map(attribute='__class__')|first }}",
    ],
)
def test_a_template_cannot_leave_the_sandbox(tmp_path: Path, attack: str) -> None:
    """No attribute with underscores, no change of a value, no endless range."""
    write(tmp_path, {"digest/issue.txt.j2": attack})

    error = text_failure(tmp_path)

    assert "uid=" not in str(error)
    assert error.line == 1


@pytest.mark.parametrize(
    ("file", "css", "line", "problem"),
    [
        ("inline.css", "p { margin: 0; }\n@media print { p { margin: 0; } }", 2, "@media"),
        ("inline.css", "/* a\n * b */ a:hover { color: red; }", 2, ":hover"),
        ("inline.css", "p { color: red !important; }", 1, "!important"),
        ("inline.css", "* { margin: 0; }", 1, "*"),
        ("inline.css", "a { color: red; }\n\np[ { margin: 0; }", 3, "p["),
        ("inline.css", "a { color: red; }\np { margin: 0;", 2, "p {"),
        ("inline.css", "{% if true %}\np { font-family: 'é'; }{% endif %}", 2, "not ASCII"),
        ("live.css", "\n@media (width <= 480px) { p { margin: 0; } }", 2, "'<'"),
    ],
)
def test_a_rule_in_the_wrong_style_sheet_is_named(
    tmp_path: Path, file: str, css: str, line: int, problem: str
) -> None:
    """What premailer would drop or MJML would choke on has a file, a line and a remedy."""
    write(tmp_path, {f"digest/{file}": css})

    error = failure(tmp_path)

    assert (Path(error.file), error.line) == (tmp_path / "digest" / file, line)
    assert problem in error.problem


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ("[light]\naccent = 'red'", "light.accent is not a colour"),
        ("[dark]\nink = '#fff; } * { x: y'", "dark.ink is not a colour"),
        ("[fonts]\nserif = 'x; } p { y'", "fonts.serif is not a list of font names"),
        ("[widths]\nsheet = '640'", "widths.sheet is not a whole number"),
        ("[words]\nissue = 3", "words.issue is not a text"),
        ("[words]\nmonths = ['one']", "words.months has 1 names"),
        ("light = 3", "light is not a table"),
        ("[light\n", ":1:"),
    ],
)
def test_a_theme_is_checked(tmp_path: Path, toml: str, problem: str) -> None:
    """Nothing that could end a declaration gets into a style sheet."""
    write(tmp_path, {"digest/theme.toml": toml})

    error = failure(tmp_path)

    assert problem in str(error)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 have a line; a file of megabytes is no template."""
    file = write(tmp_path, {"digest/issue.txt.j2": ""}) / "digest" / "issue.txt.j2"
    file.write_bytes(b"a\nb\xff")
    not_utf8 = text_failure(tmp_path)
    file.write_bytes(b"a" * 300_000)
    too_large = text_failure(tmp_path)

    assert (not_utf8.line, not_utf8.problem) == (2, "not UTF-8; save it as UTF-8")
    assert "256 KiB" in too_large.problem


@pytest.mark.parametrize(
    ("body", "line"),
    [("\n</p>", 2), ("\n\n<p>a", 3), ("\na < b", 2), ("&nbsp;\n<p a=b>c</p>", 2)],
)
def test_what_is_no_mjml_has_a_line(body: str, line: int) -> None:
    """Also where the compiler itself does not know the place."""
    with pytest.raises(TemplateError) as caught:
        compile_mjml(MJML.format(body))

    assert caught.value.line == line
    assert caught.value.file == "email.mjml"


@pytest.mark.parametrize("mjml", ["", "text", "<mjml>", "<mjml><mj-body>"])
def test_mjml_that_ends_early_is_no_traceback(mjml: str) -> None:
    """An empty or cut template is a template error."""
    with pytest.raises(TemplateError):
        compile_mjml(mjml)


def theme_failure(root: Path, toml: str) -> TemplateError:
    """Return the error of a theme.toml of the workspace's."""
    write(root, {"digest/theme.toml": toml})
    with pytest.raises(TemplateError) as caught:
        load_theme(TemplateFolders.of([root, packaged_templates()], "digest"))
    return caught.value


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#ffffff", "#ffffff", 1.0), ("#777777", "#ffffff", 4.48)],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    """Whichever of the two is the text."""
    assert round(contrast(one, other), 2) == ratio
    assert contrast(one, other) == contrast(other, one)


@pytest.mark.parametrize("theme", ["digest", "briefing", "essay"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(theme: str, scheme: str) -> None:
    """Every pair of every theme has a contrast of 4.5 or more."""
    found = load_theme(TemplateFolders.of([packaged_templates()], theme))

    assert len(found["pairs"]) >= 15
    for pair in found["pairs"]:
        assert contrast(*(found[scheme][name] for name in pair)) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_theme_nobody_could_read_is_refused(tmp_path: Path, scheme: str) -> None:
    """The error names the pair, the colours, the ratio, the file and the line."""
    error = theme_failure(tmp_path, f'name = "x"\n[{scheme}]\n\nmuted = "#808890"\n')

    assert (Path(error.file), error.line) == (tmp_path / "digest" / "theme.toml", 4)
    assert f"{scheme}.muted #808890 on {scheme}." in error.problem
    assert "contrast of" in error.problem
    assert "4.5 is needed" in error.problem


def test_a_pair_of_its_own_is_checked(tmp_path: Path) -> None:
    """A theme that adds a colour says what it stands on."""
    error = theme_failure(tmp_path, 'pairs = [["hair", "sheet"]]\n')

    assert "light.hair" in error.problem


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ('pairs = ["text"]', "pairs is not a list of pairs"),
        ("[logo]\nwidth = 4", "logo.width is not"),
        ('[scripts]\nja = "x"', "scripts.ja is not a table of font stacks"),
        ("[scripts.ja]\nserif = 'a; b'", "scripts.ja is not a table of lists of font names"),
        ('[type]\nsize = "big"', "type.size is not a whole number"),
    ],
)
def test_a_theme_that_is_none_says_what_is_needed(tmp_path: Path, toml: str, problem: str) -> None:
    """Each table has its kind of value."""
    assert problem in theme_failure(tmp_path, toml).problem


def test_a_logo_stands_in_for_the_name(tmp_path: Path) -> None:
    """With its words and its width; without a url it is the name in type."""
    write(
        tmp_path,
        {"digest/theme.toml": '[logo]\nurl = "https://n.example.org/l.png"\nwidth = 180\n'},
    )
    newsletter = Newsletter(name="The Quay")

    html = (
        Renderer([tmp_path, packaged_templates()])
        .render(ISSUE, newsletter, web_url="https://n.example.org/1/")
        .html
    )

    assert re.search(
        r'<p class="name"[^>]*><img class="img"[^>]* src="https://n.example.org/l.png" '
        r'alt="The Quay" width="180"',
        html,
    )
    assert "<img" not in render().html


def test_a_logo_of_another_scheme_is_not_fetched(tmp_path: Path) -> None:
    """The name is shown instead."""
    write(tmp_path, {"digest/theme.toml": '[logo]\nurl = "javascript:alert(1)"\n'})

    assert "<img" not in render(tmp_path).html


@pytest.mark.parametrize("name", ["family", "notices"])
def test_what_is_no_template_for_issues_cannot_be_chosen(name: str) -> None:
    """Neither what themes share nor the mails about somebody's word."""
    with pytest.raises(ConfigError, match="briefing, digest, essay"):
        Renderer([packaged_templates()], name)


def test_a_file_of_the_family_is_laid_over_for_all(tmp_path: Path) -> None:
    """A workspace may change a partial once; a theme's own still wins."""
    write(
        tmp_path,
        {
            "family/partials/footer.mjml.j2": (
                "{% macro footer() %}<mj-section><mj-column><mj-text>Our foot"
                "</mj-text></mj-column></mj-section>{% endmacro %}"
            ),
            "essay/partials/footer.mjml.j2": (
                "{% macro footer() %}<mj-section><mj-column><mj-text>Its own foot"
                "</mj-text></mj-column></mj-section>{% endmacro %}"
            ),
        },
    )

    assert "Our foot" in render(tmp_path).html
    assert "Our foot" in render(tmp_path, template="briefing").html
    assert "Its own foot" in render(tmp_path, template="essay").html
