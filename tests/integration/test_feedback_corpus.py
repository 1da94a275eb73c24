"""The sample mails of flufl.bounce, fetched with its source: they are not ours to keep here."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pytest

from pipeline.audience.secrets import Keys
from pipeline.audience.tokens import ReturnPath
from pipeline.feedback import read
from pipeline.feedback.read import PLAIN
from pipeline.model.delivery import DeliveryId
from pipeline.model.feedback import Feedback, FeedbackKind
from tests.unit.feedback_mutator import mutants

pytestmark = pytest.mark.integration

RECOGNISED: Final = 0.97
RECIPIENTS: Final = 0.88
HARD_OR_SOFT: Final = 0.88
LONGEST_S: Final = 5.0

# flufl's own tests call it "not a bounce": a person's reply that once confused a detector.
NOT_FEEDBACK: Final = {"groupwise_03.txt"}

HARD_CODES: Final = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"}
CODE: Final = re.compile(
    rb"(?:^Status:[ ]*|\b[45]\d\d[ :-]+#?|\(#|^-- |error message )([45]\.[0-7]\.\d{1,3})\b",
    re.MULTILINE,
)
GENERIC: Final = {"5.0.0", "5.3.0", "4.0.0"}
# What a person reads in the mails whose code alone says nothing: is the address wrong for good?
READ_BY_A_PERSON: Final = {
    "dsn_01.txt": False,  # "recipient reached disk quota"
    "dsn_04.txt": False,  # "disk quota exceeded"
    "dsn_10.txt": True,  # "User unknown or not available"
    "dsn_16.txt": True,  # "550 unknown user"
    "dsn_18.txt": True,  # "Domain does not exist"
    "simple_30.txt": True,  # "No such user here"
    "simple_33.txt": True,  # "No such user here"
    "smtp32_04.txt": True,  # "Addressee unknown"
    "smtp32_06.txt": True,  # "Addressee unknown"
}

PATH: Final = ReturnPath(Keys((bytes(range(32)),)), "bounces.example.org")


@dataclass(frozen=True)
class Corpus:
    """The mails by name, and what flufl's tests say of them."""

    mails: dict[str, bytes]
    recipients: dict[str, set[str]]  # in lower case; only of mails that name somebody
    late: set[str]  # temporary, by flufl's verdict


def _download(folder: Path) -> Path:
    name = f"flufl.bounce=={version('flufl.bounce')}"
    pip = [sys.executable, "-m", "pip", "download", "--no-binary", ":all:", "--no-deps"]
    done = subprocess.run(
        [*pip, "--dest", str(folder), name],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} cannot be fetched: {done.stderr[-500:]}", pytrace=False)
        pytest.skip(f"{name} cannot be fetched; is there a network?")
    (archive,) = folder.glob("*.tar.gz")
    return archive


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Give the sample mails and the table of flufl's own tests."""
    folder = tmp_path_factory.mktemp("flufl")
    with tarfile.open(_download(folder)) as archive:
        archive.extractall(folder, filter="data")
    (tests,) = folder.glob("*/tests")
    mails = {file.name: file.read_bytes() for file in sorted(tests.glob("data/*.txt"))}
    recipients: dict[str, set[str]] = {}
    late: set[str] = set()
    for _, name, found, temporary in _table(tests / "test_detectors.py"):
        if found:
            recipients.setdefault(name, set()).update(each.decode().lower() for each in found)
        if temporary:
            late.add(name)
    return Corpus(mails, recipients, late)


def _table(file: Path) -> list[tuple[str, str, list[bytes], bool]]:
    """Return the table DETECTORS: detector, mail, addresses, whether they are temporary."""
    for statement in ast.parse(file.read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "DETECTORS":
            table: list[tuple[str, str, list[bytes], bool]] = ast.literal_eval(statement.value)
            return table
    raise AssertionError("flufl's tests have no such table any more")


def share(good: dict[str, bool], bar: float, what: str) -> None:
    """Assert that enough is good, and name what is not."""
    reached = sum(good.values()) / len(good)
    bad = [name for name, is_good in good.items() if not is_good]
    assert reached >= bar, f"{what}: {reached:.1%}, and not {', '.join(bad)}"


def test_the_corpus_is_whole(corpus: Corpus) -> None:
    """The bars are measured on all of it."""
    assert len(corpus.mails) >= 110
    assert len(corpus.recipients) >= 105


def test_bounces_are_recognised(corpus: Corpus) -> None:
    """A reader other than the last resort knows them; a person's mail is left alone."""
    found = {name: read(raw) for name, raw in corpus.mails.items()}

    assert all(not found.pop(name) for name in NOT_FEEDBACK)
    good = {name: any(v.detector != PLAIN for v in verdicts) for name, verdicts in found.items()}
    share(good, RECOGNISED, "recognised")


def test_recipients_are_found_without_a_return_path(corpus: Corpus) -> None:
    """Exactly those that flufl's tests expect, no others, of every mail that names somebody."""
    good = {
        name: {(v.recipient or "").lower() for v in read(corpus.mails[name])} == expected
        for name, expected in corpus.recipients.items()
    }

    share(good, RECIPIENTS, "recipients")


def test_recipients_are_known_by_a_return_path(corpus: Corpus) -> None:
    """With our address in the envelope header the best candidate is its delivery, always."""
    good = {}
    for number, (name, raw) in enumerate(corpus.mails.items(), start=1):
        if name in NOT_FEEDBACK:
            continue
        header = f"Delivered-To: {PATH.mint(DeliveryId(number))}\n".encode()
        first, end, rest = raw.partition(b"\n")
        is_mbox = first.startswith(b"From ")
        verdicts = read(first + end + header + rest if is_mbox else header + raw)
        good[name] = bool(verdicts) and all(
            v.tokens and PATH.read(v.tokens[0]) == number for v in verdicts
        )

    share(good, 1.0, "recipients by return path")


def test_no_token_of_ours_is_in_others_mail(corpus: Corpus) -> None:
    """They quote mails of many lists, and none of them is ours."""
    candidates = [token for raw in corpus.mails.values() for v in read(raw) for token in v.tokens]

    assert [token for token in candidates if PATH.read(token) is not None] == []


def _is_hard(name: str, raw: bytes, corpus: Corpus) -> bool | None:
    """Return the truth; None: the mail has no code."""
    codes = [code.decode() for code in CODE.findall(raw.replace(b"\r\n", b"\n"))]
    if not codes:
        return None
    if name in corpus.late:
        return False
    telling = [code for code in codes if code not in GENERIC]
    return telling[0] in HARD_CODES if telling else READ_BY_A_PERSON[name]


def _says_hard(verdicts: tuple[Feedback, ...]) -> bool | None:
    kinds = {verdict.kind for verdict in verdicts}
    if FeedbackKind.UNKNOWN in kinds or not kinds:
        return None
    return FeedbackKind.HARD in kinds


def test_hard_is_told_from_soft(corpus: Corpus) -> None:
    """Of the mails with an RFC 3463 code, almost all are judged as they should be.

    The truth is made without our readers. A mail has a code if a pattern of this test's own finds
    one after "Status:", a reply code, "(#" or the like. (1) What flufl's tests call temporary is
    soft. (2) Else the first code that is not generic decides: 5.1.1, 5.1.2, 5.1.3, 5.1.6 and
    5.1.10 are hard, every other is soft, those of class 5 that blame us or the mailbox too.
    (3) Where all codes are generic a person has read the mail: READ_BY_A_PERSON. "Unknown" is
    counted as wrong.
    """
    truth = {name: _is_hard(name, raw, corpus) for name, raw in corpus.mails.items()}
    good = {
        name: _says_hard(read(corpus.mails[name])) is hard
        for name, hard in truth.items()
        if hard is not None
    }

    assert len(good) >= 30
    share(good, HARD_OR_SOFT, "hard or soft")


def test_ten_thousand_damaged_mails_are_read(corpus: Corpus) -> None:
    """Nothing is raised, and none takes seconds, whatever is done to them."""
    slowest = 0.0
    for mail in mutants(list(corpus.mails.values()), 10_000, seed=4):
        started = time.process_time()
        read(mail)
        slowest = max(slowest, time.process_time() - started)
    assert slowest < LONGEST_S
