"""Front matter: every value is read by the type of its field, and every mistake has its line."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from pipeline import formats
from pipeline.diagnostic import Diagnostic
from pipeline.errors import IssueError
from pipeline.model.issue import Declared, Issue


def reading(front: str, file: str = "91.md") -> formats.Reading:
    """Read an issue with this front matter and a short body."""
    return formats.read(f"---\n{front}\n---\n\nBody.\n".encode(), file, format="markdown")


def read(front: str) -> Issue:
    """Read front matter; the issue only."""
    return reading(front).issue


def refusals(front: str) -> tuple[Diagnostic, ...]:
    """Return the diagnostics for front matter that must be refused."""
    with pytest.raises(IssueError) as caught:
        reading(front)
    return caught.value.diagnostics


def said(found: formats.Reading) -> list[tuple[str, int | None]]:
    """Return codes and lines of the diagnostics."""
    return [(one.code, one.line) for one in found.diagnostics]


def test_every_field_is_read() -> None:
    """Names, numbers, dates, lists and times all find their field."""
    issue = read(
        'title: "A: B"\nsubtitle: c\nnumber: 91b\ndate: 2026-05-04\nlang: en\nauthors: [Ada, Bo]\n'
        "tags:\n  - x\n  - y z\nslug: s\nimage: i.png\nsend_at: 2026-05-04T09:00:00Z\n"
        "canonical_url: https://example.org\nstatus: ready\nstory_count: 20\nreading_time: 8 min"
    )

    assert (issue.title, issue.subtitle, issue.number) == ("A: B", "c", "91b")
    assert (issue.date, issue.language) == (date(2026, 5, 4), "en")
    assert (issue.authors, issue.tags) == (("Ada", "Bo"), ("x", "y z"))
    assert (issue.slug, issue.image, issue.status) == ("s", "i.png", "ready")
    assert issue.send_at == datetime(2026, 5, 4, 9, tzinfo=UTC)
    assert issue.canonical_url == "https://example.org"
    assert issue.declared == Declared(stories=20, minutes=8)


def test_names_of_other_tools_are_understood() -> None:
    """The first name of a field counts; the others are kept if they say something else."""
    found = reading("subject: A\ndescription: B\nissue: 7\npublish_date: 4.5.2026\nauthor: C")

    assert (found.issue.title, found.issue.subtitle) == ("A", "B")
    assert (found.issue.number, found.issue.date) == ("7", date(2026, 5, 4))
    assert found.issue.authors == ("C",)
    assert read("title: A\nsubject: B").extra == (("subject", "B"),)


@pytest.mark.parametrize(
    ("front", "title", "number"),
    [
        ("title: no\nnumber: 010", "no", "010"),
        ("title: 2026-01-01\nnumber: 0x1F", "2026-01-01", "0x1F"),
        ("title: 1_000\nnumber: 1e3", "1_000", "1e3"),
        ("title: 'on'\nnumber: 9:30", "on", "9:30"),
    ],
)
def test_words_are_not_taken_for_other_types(front: str, title: str, number: str) -> None:
    """YAML's guesses about types are not used."""
    issue = read(front)

    assert (issue.title, issue.number) == (title, number)


def test_a_number_sign_is_not_lost() -> None:
    """YAML would read nothing here; the words are kept, with advice."""
    found = reading("title: #91 Big\nnumber: #91\ntags: #ai #cranes\nsubtitle: # later")

    assert (found.issue.title, found.issue.number) == ("#91 Big", "#91")
    assert found.issue.tags == ("ai", "cranes")
    assert found.issue.subtitle is None
    assert [one for one in said(found) if one[0] == "W109"] == [
        ("W109", 2),
        ("W109", 3),
        ("W109", 4),
    ]
    assert found.diagnostics[0].help == 'write title: "#91 Big"'


@pytest.mark.parametrize(
    ("front", "tags"),
    [("tags: a, b", ("a", "b")), ('tags: "#a #b"', ("a", "b")), ("tags: []", ()), ("tags:", ())],
)
def test_tags_are_written_in_many_ways(front: str, tags: tuple[str, ...]) -> None:
    """A list, a line with commas, or hashtags."""
    assert read(f"title: T\n{front}").tags == tags


@pytest.mark.parametrize(
    ("front", "status"),
    [("draft: true", "draft"), ("draft: no", None), ("published: false", "draft")],
)
def test_drafts_of_other_tools_are_drafts(front: str, status: str | None) -> None:
    """Two booleans elsewhere are one word here."""
    assert read(f"title: T\n{front}").status == status


def test_unknown_keys_are_kept_as_they_are() -> None:
    """A typing error gets a suggestion; everything gets through a rewrite."""
    found = reading("title: T\nnubmer: 9\nparams:\n  a: [1, 2]\n\n  # why\n  b: |\n    x\nz:")

    assert found.issue.number is None
    assert found.issue.extra == (
        ("nubmer", "9"),
        ("params", "\n  a: [1, 2]\n\n  # why\n  b: |\n    x"),
        ("z", ""),
    )
    assert said(found)[:3] == [("W107", 3), ("W107", 4), ("W107", 10)]
    assert found.diagnostics[0].help == "did you mean 'number'?"
    assert (found.diagnostics[0].column, found.diagnostics[0].end_column) == (1, 7)


@pytest.mark.parametrize(
    ("front", "code", "line"),
    [
        ("title: T\ntitle: U", "E104", 3),
        ("title: T\ndate: 2026-02-30", "E103", 3),
        ("title: T\nsend_at: 2026-05-04T09:00", "E103", 3),
        ("title: T\nsend_at: soon", "E103", 3),
        ("title: T\nstory_count: many", "E103", 3),
        ("title: T\nstructure: round", "E103", 3),
        ("title: T\ndraft: maybe", "E103", 3),
        ("title: T\nslug: [a]", "E103", 3),
        ("title: T\nslug:\n  a: b", "E103", 3),
        ("title: A: B", "E101", 2),
        ("title: @ada", "E101", 2),
        ("title: T\n\tslug: a", "E101", 3),
        ("title: !!python/object:os.system x", "E101", 2),
        ("a: &a [x]\nb: *a", "E101", 3),
        ("- a\n- b: c", "E101", 2),
        ("{title: T}", "E101", 2),
        ("title: " + "[" * 30, "E101", 2),
        ("? [a]\n: b", "E101", 2),
        ("title: [", "E101", 3),
    ],
)
def test_mistakes_have_a_line(front: str, code: str, line: int) -> None:
    """Every kind of mistake is refused where it stands."""
    found = refusals(front)[0]

    assert (found.code, found.line) == (code, line)
    assert found.source is not None


def test_all_mistakes_are_shown_at_once() -> None:
    """One round of mending is enough."""
    found = refusals("title: T\ndate: 2026-02-30\nstory_count: x\ntitle: U")

    assert [one.code for one in found] == ["E104", "E103", "E103"]
    assert {one.line for one in found} == {3, 4, 5}


def test_a_colon_in_a_title_gets_its_quotes() -> None:
    """The remedy is the line as it should be."""
    (found,) = refusals('title: Cranes: a "record"')

    assert found.help == r'put the value in quotation marks: title: "Cranes: a \"record\""'


@pytest.mark.parametrize(
    ("text", "code"),
    [("+++\ntitle = 'T'\n+++\n", "E101"), ("---\ntitle: T\n\nBody.\n", "E101")],
)
def test_other_and_open_front_matter_is_refused(text: str, code: str) -> None:
    """TOML is not read, and a missing end is not guessed."""
    with pytest.raises(IssueError) as caught:
        formats.read(text.encode(), "91.md")

    assert caught.value.diagnostics[0].code == code
    assert caught.value.diagnostics[0].help


def test_dividers_are_no_front_matter() -> None:
    """A text may begin with one."""
    issue = formats.read(b"---\n\nBody.\n\n---\n", "a.md", format="markdown").issue

    assert issue.title == "A"
    assert len(issue.intro) == 3


def test_the_file_name_is_the_last_resort() -> None:
    """Its date is taken with a note, or compared with the one written."""
    taken = reading("title: T", "2026-05-04-t.md")
    other = reading("title: T\ndate: 2026-05-01", "2026-05-04-t.md")

    assert (taken.issue.date, said(taken)[0][0]) == (date(2026, 5, 4), "I110")
    assert (other.issue.date, said(other)[0][0]) == (date(2026, 5, 1), "W106")


def test_an_issue_without_any_title_is_refused() -> None:
    """A name without letters is none."""
    with pytest.raises(IssueError, match="E102"):
        formats.read(b"---\nnumber: 9\n---\nBody.\n", "91.md")


def test_an_escaped_pair_of_surrogates_is_one_character() -> None:
    """JSON writes an emoji so, and JSON is YAML."""
    assert read(r'title: "Tea \ud83c\udf75 time"').title == "Tea 🍵 time"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (r"a \ud83c b", "E005"),  # half a character
        (r"a \x14 b", "E005"),
        (r"a \x9b b", "E005"),
        (r"a \0 b", "E005"),
        (r"a \u202e b", "E006"),
    ],
)
def test_an_escape_hides_no_character_that_the_file_may_not_have(value: str, code: str) -> None:
    """What is refused in the open is refused behind a backslash, with its line."""
    (found,) = refusals(f'number: 1\ntitle: "{value}"')

    assert (found.code, found.line) == (code, 3)
