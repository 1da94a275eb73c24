"""Bringing people in, on a real database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event

from pipeline.audience.columns import Wanted
from pipeline.errors import ConfigError
from pipeline.model.subscriber import SubscriberState, SuppressionReason
from pipeline.operations.enrol import Enrol
from pipeline.storage.engine import Database, open_database
from pipeline.storage.lists import Lists
from pipeline.storage.standing import Standing
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.suppressions import Suppressions
from pipeline.storage.turns import Turns

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
MANY = Turns().rows + 7  # more than the first transaction takes


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """Give an empty database."""
    return open_database(tmp_path / "broadsheet.db")


@pytest.fixture
def enrol(database: Database) -> Enrol:
    """Give the operation, on the list `main`."""
    return Enrol(
        subscribers=Subscribers(database, str.upper),
        suppressions=Suppressions(database, str.upper),
        clock=lambda: NOW,
    )


def file(folder: Path, text: str) -> Path:
    """Return a file with that text."""
    path = folder / "people.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_everything_of_a_row_is_stored(enrol: Enrol, tmp_path: Path) -> None:
    """What the file says, the tags for all of it, and the operator's words with the proof."""
    people = file(
        tmp_path,
        "email,name,city,lang,zone,tags,agreed on,agreed how\n"
        "ann@example.org,Ann,Ghent,de,UTC,vip,2024-05-01,web form\nbob@example.org,,,,,,,\n",
    )

    report = enrol.file(
        people, source="sheet", wanted=Wanted(fields="all"), tags=frozenset({"may"})
    )

    assert report.balances
    assert report.new == 2
    ann, bob = enrol.subscribers.all()
    assert (ann.name, ann.language, ann.zone) == ("Ann", "de", "UTC")
    assert ann.tags == {"vip", "may"}
    assert dict(ann.fields) == {"city": "Ghent"}
    assert bob.tags == {"may"}
    assert not bob.fields
    assert [word.source for word in enrol.subscribers.consents(ann.id)] == [
        "sheet; 2024-05-01, web form"
    ]
    assert [word.source for word in enrol.subscribers.consents(bob.id)] == ["sheet"]


def test_a_dry_run_says_what_would_happen_and_changes_nothing(
    enrol: Enrol, tmp_path: Path
) -> None:
    """The same report as the real run, which then finds everything as it was."""
    people = file(
        tmp_path,
        "email,status,agreed on\nann@example.org,active,2024-05-01\nnope,,\n"
        "bob@example.org,unsubscribed,\nann@example.org,,\neve@example.org,bounced,\n",
    )

    foreseen = enrol.file(people, source="", dry_run=True)

    assert list(enrol.subscribers.all()) == []
    assert not enrol.suppressions.contains("eve@example.org")
    assert foreseen == enrol.file(people, source="sheet")
    assert enrol.suppressions.reason("eve@example.org") is SuppressionReason.BOUNCED


def test_the_same_file_again_changes_nothing(enrol: Enrol, tmp_path: Path) -> None:
    """An interrupted import is finished by doing it again, and no consent is recorded twice."""
    people = file(tmp_path, "email,tags,agreed on\nann@example.org,vip,2024-05-01\n")
    enrol.file(people, source="sheet")

    again = enrol.file(people, source="sheet")

    assert (again.new, again.unchanged) == (0, 1)
    [ann] = enrol.subscribers.all()
    assert len(enrol.subscribers.consents(ann.id)) == 1


def test_nobody_who_left_or_is_suppressed_comes_back(enrol: Enrol, tmp_path: Path) -> None:
    """Neither by a file nor by hand, on the list they left."""
    enrol.one("ann@example.org", source="asked")
    [ann] = enrol.subscribers.all()
    enrol.subscribers.set_state(
        ann.id, SubscriberState.UNSUBSCRIBED, enrol.subscribers.consents(ann.id)[0]
    )
    enrol.suppressions.add("bob@example.org", SuppressionReason.ERASED, now=NOW)

    report = enrol.file(file(tmp_path, "ann@example.org\nbob@example.org\n"), source="sheet")

    assert (report.unsubscribed, report.suppressed) == (1, 1)
    assert enrol.one("ann@example.org", source="asked") is Standing.UNSUBSCRIBED
    assert [person.state for person in enrol.subscribers.all()] == [SubscriberState.UNSUBSCRIBED]


def test_who_left_a_list_elsewhere_leaves_that_list_here(
    enrol: Enrol, database: Database, tmp_path: Path
) -> None:
    """With the file as proof; what they are on another list is nobody else's business."""
    weekly = Enrol(
        subscribers=enrol.subscribers.on(Lists(database).ensure(["weekly"])["weekly"]),
        suppressions=enrol.suppressions,
        clock=enrol.clock,
    )
    for each in (enrol, weekly):
        each.one("ann@example.org", source="asked")
    people = file(
        tmp_path,
        "email,name,status,agreed on\nann@example.org,,unsubscribed,2024-05-01\n"
        "eve@example.org,Eve,unsubscribed,\n",
    )

    report = weekly.file(people, source="old tool")

    assert report.balances
    assert report.unsubscribed == 2
    assert {each.address: (each.state, each.name) for each in weekly.subscribers.all()} == {
        "ann@example.org": (SubscriberState.UNSUBSCRIBED, ""),
        "eve@example.org": (SubscriberState.UNSUBSCRIBED, ""),
    }
    [ann] = enrol.subscribers.all()
    assert ann.state is SubscriberState.ACTIVE
    assert enrol.suppressions.reason("ann@example.org") is None
    word = weekly.subscribers.consents(ann.id)[-1]
    assert (word.action, word.source) == ("withdrawn", "old tool; 2024-05-01")
    assert weekly.file(people, source="again").unsubscribed == 2
    assert len(weekly.subscribers.consents(ann.id)) == 2


def test_lists_are_apart(enrol: Enrol, database: Database, tmp_path: Path) -> None:
    """Who is brought in to one list is on no other."""
    other = enrol.subscribers.on(Lists(database).ensure(["weekly"])["weekly"])

    Enrol(subscribers=other, suppressions=enrol.suppressions, clock=enrol.clock).file(
        file(tmp_path, "ann@example.org\n"), source="sheet"
    )

    assert [person.address for person in other.all()] == ["ann@example.org"]
    assert list(enrol.subscribers.all()) == []


@pytest.mark.parametrize("proof", ["", "2024-05-01 {}"])
def test_every_row_is_counted_over_several_batches(
    enrol: Enrol, tmp_path: Path, proof: str
) -> None:
    """With and without a proof for each, and the progress ends at the whole file."""
    lines = [f"p{n}@example.org,{proof.format(n)}\n" for n in range(MANY)]
    told: list[tuple[int, float]] = []

    report = enrol.file(
        file(tmp_path, "email,agreed on\n" + "".join(lines)),
        source="sheet",
        progress=lambda rows, share: told.append((rows, share)),
    )

    assert report.balances
    assert report.new == MANY
    assert told[-1] == (MANY, 1.0)
    assert sum(enrol.subscribers.count().values()) == MANY


def test_rows_with_proofs_of_their_own_share_a_transaction(
    enrol: Enrol, database: Database, tmp_path: Path
) -> None:
    """A time of agreement for each of a thousand people does not make a thousand commits."""
    lines = [f"p{n}@example.org,2024-05-01 10:{n}\n" for n in range(1000)]
    commits: list[object] = []
    event.listen(database.writer, "commit", commits.append)

    enrol.file(file(tmp_path, "email,agreed on\n" + "".join(lines)), source="sheet")

    assert len(commits) == 1
    seventh = enrol.subscribers.by_address("p7@example.org")
    assert seventh
    [word] = enrol.subscribers.consents(seventh.id)
    assert word.source == "sheet; 2024-05-01 10:7"


def test_doubts_are_counted_and_the_first_are_shown(enrol: Enrol, tmp_path: Path) -> None:
    """A thousand wrong cells are a number, and ten of them a hint at the column."""
    text = "email,language\n" + "".join(f"p{n}@example.org,German\n" for n in range(25))

    report = enrol.file(file(tmp_path, text), source="sheet")

    assert (report.new, report.doubtful, len(report.doubts)) == (25, 25, 10)
    assert report.doubts[0].startswith("line 2: 'German'")


def test_a_missing_file_is_named(enrol: Enrol, tmp_path: Path) -> None:
    """And it is the operator's to mend."""
    with pytest.raises(ConfigError, match=r"nowhere\.csv"):
        enrol.file(tmp_path / "nowhere.csv", source="sheet")
