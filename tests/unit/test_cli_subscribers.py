"""The subscribers commands, on a workspace of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.cli import run


class Desk:
    """A workspace and the words to type in it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.said = ""
        assert run(["init", str(folder)]) == 0
        capsys.readouterr()

    def __call__(self, *words: str, code: int = 0) -> str:
        """Run `subscribers` with these words; return what it answers."""
        assert run(["--no-input", "-C", str(self.folder), "subscribers", *words]) == code
        out, self.said = self._capsys.readouterr()
        return out

    def rows(self, *words: str) -> list[list[str]]:
        """Return the cells of a TSV answer without its header."""
        return [line.split("\t") for line in self(*words).splitlines()[1:]]


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """Give a workspace with three people, two of them from a file."""
    desk = Desk(tmp_path / "news", capsys)
    people = tmp_path / "people.csv"
    people.write_text(
        "Email,City,Language,Labels\nann@example.org,Ghent,de,vip\nbob@example.net,=1+1,en,\n",
        encoding="utf-8",
    )
    desk("import", str(people), "--source", "sheet", "--fields", "city", "--tag", "may")
    desk("add", "cid@example.org", "--source", "asked", "--field", "age=41", "--tag", "Vip")
    return desk


def test_a_rule_picks_who_is_listed_and_exported(desk: Desk) -> None:
    """The same words everywhere."""
    rule = ("--where", "tag is vip and not city is Paris")

    assert [row[0] for row in desk.rows("list", *rule)] == ["ann@example.org", "cid@example.org"]
    assert desk("list", "--output", "ids", "--where", "age > 40") == "cid@example.org\n"
    assert desk("list", "--tag", "MAY", "--output", "ids").count("\n") == 2
    assert [json.loads(line)["fields"] for line in
            desk("export", "--output", "jsonl", *rule).splitlines()] == [
        {"city": "Ghent"}, {"age": "41"},
    ]  # fmt: skip


def test_a_bad_rule_shows_its_place(desk: Desk) -> None:
    """Exit 2, a caret and a suggestion."""
    desk("list", "--where", "tag iss vip", code=2)

    assert "1:5: " in desk.said
    assert "      ^^^\n  did you mean 'is'?" in desk.said


def test_an_export_is_safe_in_a_spreadsheet(desk: Desk) -> None:
    """A field is as dangerous as a name."""
    out = desk("export")

    assert out.splitlines()[0] == (
        "address,name,state,since,language,zone,tags,field.age,field.city"
    )
    assert ",'=1+1" in out
    assert ",=1+1" not in out


def test_an_export_says_who_must_not_be_written_to(desk: Desk, tmp_path: Path) -> None:
    """Another workspace that imports it writes to them neither."""
    desk("suppress", "ann@example.org", "--reason", "complained")
    copy = tmp_path / "copy.csv"
    copy.write_text(desk("export"), encoding="utf-8", newline="")
    other = Desk(tmp_path / "other", desk._capsys)

    other("import", str(copy), "--source", "moved")

    assert [row[0] for row in other.rows("list")] == ["bob@example.net", "cid@example.org"]
    assert "complained" in other("show", "ann@example.org")


def test_show_tells_everything_of_one_person(desk: Desk) -> None:
    """Subscriptions and consents too; of a suppressed stranger that they are suppressed."""
    desk("suppress", "dee@example.org", "--reason", "complained")

    found = json.loads(desk("show", "ANN@example.org", "--json"))
    assert found["person"]["fields"] == {"city": "Ghent"}
    assert found["subscriptions"][0]["list"] == "main"
    assert found["consents"][0]["source"] == "sheet"
    assert "source: sheet" in desk("show", "ann@example.org")
    assert "complained" in desk("show", "dee@example.org")
    desk("show", "eve@example.org", code=2)


def test_tags_come_and_go_by_address_and_by_rule(desk: Desk) -> None:
    """Nobody is tagged when one of the addresses is wrong."""
    assert desk("tag", "Early Bird", "ann@example.org", "bob@example.net") == "early-bird\t2\n"
    assert desk("untag", "early-bird", "--where", "tag is early-bird and city is Ghent") == (
        "early-bird\t1\n"
    )
    desk("tag", "gold", "ann@example.org", "eve@example.org", code=2)
    desk("tag", "gold", code=2)

    assert desk("list", "--output", "ids", "--tag", "early-bird") == "bob@example.net\n"
    assert desk("list", "--output", "ids", "--tag", "gold") == ""


def test_who_is_removed_stays_on_record(desk: Desk) -> None:
    """Unsubscribed on every list, and no adding brings them back."""
    assert desk("remove", "bob@example.net") == "bob@example.net\tunsubscribed\tmain\n"

    assert desk("add", "bob@example.net", "--source", "x") == "bob@example.net\tunsubscribed\n"
    stats = {(row[1], row[2]): row[3] for row in desk.rows("stats")}
    assert stats["main", "unsubscribed"] == "1"
    assert stats["main", "active"] == "2"


def test_erasing_needs_a_word_and_is_for_ever(desk: Desk) -> None:
    """Without --yes nothing happens where nobody can be asked."""
    desk("erase", "ann@example.org", code=2)
    assert "--yes" in desk.said
    assert "ann@example.org" in desk("list")

    desk("erase", "ann@example.org", "--yes")

    assert "ann@example.org" not in desk("list")
    assert desk("add", "ann@example.org", "--source", "x") == "ann@example.org\tsuppressed\n"
    assert "erased" in desk("show", "ann@example.org")
    desk("erase", "eve@example.org", "--yes", code=2)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("list", "--list", "man"), "did you mean 'main'?"),
        (("add", "a@example.org", "--source", "x", "--field", "city"), "NAME=VALUE"),
        (("add", "a@example.org", "--source", "x", "--language", "German"), "no language tag"),
        (("add", "a@example.org", "--source", "x", "--zone", "Mars"), "no time zone"),
        (("tag", "!!", "ann@example.org"), "cannot be a tag"),
        (("remove", "ann@example.org", "--list", "man"), "did you mean 'main'?"),
    ],
)
def test_a_mistake_names_its_remedy(desk: Desk, words: tuple[str, ...], problem: str) -> None:
    """Exit 2, and what would have been valid."""
    desk(*words, code=2)

    assert problem in desk.said


def test_a_mapped_column_is_said_in_one_word(desk: Desk, tmp_path: Path) -> None:
    """COLUMN=ROLE; a column that is not there stops the import."""
    people = tmp_path / "more.csv"
    people.write_text("Wohin,Wo\neve@example.org,Rome\n", encoding="utf-8")

    desk("import", str(people), "--source", "s", "--map", "Wohinn=address", code=2)
    assert "no column is called 'Wohinn'; there are: Wohin, Wo" in desk.said
    desk("import", str(people), "--source", "s", "--map", "Wohin", code=2)
    assert "COLUMN=ROLE" in desk.said
    desk("import", str(people), "--source", "s", "--map", "Wohin=address", "--map", "Wo=city")

    assert desk("list", "--output", "ids", "--where", "city is rome") == "eve@example.org\n"
