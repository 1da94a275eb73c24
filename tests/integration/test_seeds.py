"""The two seed issues, from file to message, by the command line: every fact known of them holds.

They lie beside the checkout where they are available, and are never copied into it.
"""

from __future__ import annotations

import contextlib
import email
import email.policy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from pipeline.cli import run
from pipeline.formats import read
from pipeline.model.issue_json import from_json
from pipeline.model.rendered import MergeSlot

pytestmark = pytest.mark.integration

SEEDS = Path(__file__).parents[2].parent / "shared" / "seeds"
FACTS: list[dict[str, Any]] = (
    json.loads((SEEDS / "facts.json").read_text())["issues"] if SEEDS.is_dir() else []
)
# What a layout says with labels is shown in other words; the page around an issue is not shown.
NOT_PROSE = {
    "TLDR:",
    "Summary:",
    "Key",
    "takeaways:",
    "Tradeoffs:",
    "Editorial:",
    "Published",
    "-",
}

needs_seeds = pytest.mark.skipif(not FACTS, reason="the seed issues are not beside the checkout")


@pytest.fixture(scope="module")
def outbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both seeds, built where there is no workspace."""
    files = [str(SEEDS / fact["file"]) for fact in FACTS]
    with contextlib.chdir(tmp_path_factory.mktemp("nowhere")):
        assert run(["build", *files, "--out", "outbox"]) == 0
        return Path("outbox").resolve()


def entry(outbox: Path, fact: dict[str, Any]) -> Path:
    """Return the folder of a seed's entry."""
    return outbox / Path(fact["file"]).stem.replace("_", "-")


def document(outbox: Path, fact: dict[str, Any]) -> dict[str, Any]:
    """Return the issue.json of a seed's entry."""
    found: dict[str, Any] = json.loads((entry(outbox, fact) / "issue.json").read_text())
    return found


def prose(fact: dict[str, Any]) -> Iterator[str]:
    """Yield every word of a seed that a reader has to see."""
    skipped = {*fact.get("nav_lines", ()), fact.get("masthead_line"), 2}
    for number, line in enumerate((SEEDS / fact["file"]).read_text().splitlines(), 1):
        if number not in skipped:
            yield from (word for word in line.split() if word not in NOT_PROSE)


@needs_seeds
@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact["layout"])
def test_the_facts_of_the_whole_issue_hold(outbox: Path, fact: dict[str, Any]) -> None:
    """Title, number, date, declared counts, words, and the lines of the masthead."""
    found = document(outbox, fact)
    lines = {pointer: place[0] for pointer, place in found["provenance"]["spans"].items()}

    assert found["title"] == fact["title"]
    assert found["number"] == fact["number"]
    assert found["date"] == fact["date"]
    assert found["declared"] == fact["declared"]
    assert found["provenance"]["format"] == fact["layout"]
    assert found["provenance"]["words"] == fact["words"]
    assert found["provenance"]["nav"] == fact.get("nav_lines", [])
    assert found["provenance"]["unassigned"] == []
    assert sum(len(section["stories"]) for section in found["sections"]) == fact["stories"]
    assert found["subtitle"] == fact.get("teaser")
    for name in ("masthead", "title"):
        if f"{name}_line" in fact:
            assert lines[f"/{name}"] == fact[f"{name}_line"]
    if "teaser_line" in fact:
        assert lines["/subtitle"] == fact["teaser_line"]
        assert lines["/intro/0"] == fact["intro_line"]


@needs_seeds
def test_the_facts_of_every_labelled_story_hold(outbox: Path) -> None:
    """Title, kind, paragraphs, takeaways, trade-offs and source, each on its line."""
    fact = next(fact for fact in FACTS if fact["layout"] == "labelled")
    found = document(outbox, fact)
    lines = {pointer: place[0] for pointer, place in found["provenance"]["spans"].items()}

    assert len(found["sections"]) == fact["sections"] == 1
    assert found["sections"][0]["title"] is None
    for index, (story, known) in enumerate(
        zip(found["sections"][0]["stories"], fact["story"], strict=True)
    ):
        at = f"/sections/0/stories/{index}"
        assert story["title"] == known["title"]
        assert story["kind"] == known["kind"]
        assert len(story["body"]) == known["paragraphs"]
        assert len(story["takeaways"]) == known["takeaways"]
        assert len(story["tradeoffs"]) == known["tradeoffs"]
        assert lines[f"{at}/title"] == known["title_line"]
        assert lines[f"{at}/tldr"] == known["tldr_line"]
        assert lines[f"{at}/body/0"] == known["body_lines"][0]
        assert lines[f"{at}/body/{known['paragraphs'] - 1}"] == known["body_lines"][1]
        assert lines[f"{at}/takeaways/0"] == known["takeaway_lines"][0]
        assert lines[f"{at}/takeaways/{known['takeaways'] - 1}"] == known["takeaway_lines"][1]
        assert lines.get(f"{at}/source") == known["source_anchor_line"]
        assert (story["source"] is None) == (known["source_anchor_line"] is None)


@needs_seeds
def test_the_facts_of_every_section_hold(outbox: Path) -> None:
    """Heading, number of stories, and the line of each."""
    fact = next(fact for fact in FACTS if fact["layout"] == "sectioned")
    found = document(outbox, fact)
    lines = {pointer: place[0] for pointer, place in found["provenance"]["spans"].items()}

    for index, (section, known) in enumerate(
        zip(found["sections"], fact["sections"], strict=True)
    ):
        at = f"/sections/{index}"
        assert section["title"] == known["title"]
        assert len(section["stories"]) == known["stories"]
        assert lines[f"{at}/title"] == known["heading_line"]
        story_lines = [lines[f"{at}/stories/{n}/body/0"] for n in range(known["stories"])]
        assert story_lines == known["story_lines"]


@needs_seeds
@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact["layout"])
def test_no_word_is_missing_from_the_mail(outbox: Path, fact: dict[str, Any]) -> None:
    """Every word of the prose is in the HTML and in the text, and the HTML stays under 60 KB."""
    page = (entry(outbox, fact) / "email.html").read_bytes()
    body = html.document_fromstring(page).find("body")
    assert body is not None
    in_html = set(" ".join(map(str, body.itertext())).split())
    in_text = set((entry(outbox, fact) / "email.txt").read_text().split())

    assert len(page) < 60_000
    assert [word for word in prose(fact) if word not in in_html] == []
    assert [word for word in prose(fact) if word not in in_text] == []


@needs_seeds
@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact["layout"])
def test_the_message_reads_back_as_it_was_meant(outbox: Path, fact: dict[str, Any]) -> None:
    """Python's own parser finds the parts, and no line is longer than mail allows."""
    folder = entry(outbox, fact)
    data = (folder / "message.eml").read_bytes()
    message = email.message_from_bytes(data, policy=email.policy.default)
    text, page = message.iter_parts()
    headers, _, body = data.partition(b"\r\n\r\n")
    links = {
        MergeSlot.UNSUBSCRIBE_URL: "https://news.example.org/u/sample",
        MergeSlot.PREFERENCES_URL: "https://news.example.org/p/sample",
    }

    assert not message.defects
    assert message["Subject"] == fact["title"]
    for part, name in ((text, "email.txt"), (page, "email.html")):
        frozen = (folder / name).read_text()
        for slot, link in links.items():
            frozen = frozen.replace(slot.value, link)
        assert part.get_content().splitlines() == frozen.splitlines()
    assert max(map(len, headers.split(b"\r\n"))) <= 998
    assert max(map(len, body.split(b"\r\n"))) <= 76


@needs_seeds
@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact["layout"])
def test_a_second_build_writes_nothing(outbox: Path, fact: dict[str, Any]) -> None:
    """Not one file is touched."""
    before = {file: file.stat().st_mtime_ns for file in outbox.rglob("*") if file.is_file()}
    with contextlib.chdir(outbox.parent):
        run(["build", *(str(SEEDS / each["file"]) for each in FACTS), "--out", "outbox"])

    after = {file: file.stat().st_mtime_ns for file in outbox.rglob("*") if file.is_file()}
    assert entry(outbox, fact).is_dir()
    assert after == before


@needs_seeds
@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact["layout"])
def test_the_converted_seed_builds_an_equal_issue(
    outbox: Path, tmp_path: Path, fact: dict[str, Any]
) -> None:
    """`convert` gives the author a file that says the same."""
    markdown = tmp_path / f"{Path(fact['file']).stem}.md"

    assert run(["convert", str(SEEDS / fact["file"]), "--to", str(markdown)]) == 0
    assert run(["build", str(markdown), "--out", str(tmp_path / "out")]) == 0
    again = from_json(document(tmp_path / "out", fact))
    assert again == from_json(document(outbox, fact))
    assert again == read((SEEDS / fact["file"]).read_bytes(), fact["file"]).issue
