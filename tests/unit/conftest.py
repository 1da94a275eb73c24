"""Databases that many tests begin with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.model.subscriber import SubscriberId
from pipeline.storage.engine import Database, open_database
from tests.unit.consent_desk import Desk


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file of an empty database; making it takes longer than a copy."""
    file = tmp_path_factory.mktemp("empty") / "broadsheet.db"
    open_database(file).close()
    return file


@pytest.fixture
def database(empty: Path, tmp_path: Path) -> Iterator[Database]:
    """Give an empty database."""
    opened = open_database(Path(shutil.copy(empty, tmp_path)))
    yield opened
    opened.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give what acts on people's words, over an empty database."""
    desk = Desk(tmp_path)
    yield desk
    desk.database.close()


@pytest.fixture
def ada(desk: Desk) -> SubscriberId:
    """Give somebody on the main list."""
    return desk.enrol(name="Ada")
