"""What is taken back takes nothing along that is somebody else's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.test_operations_publish import PICTURE, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Give a site with an issue that has a picture, and one that has none."""
    desk = Desk(tmp_path)
    desk.put("a", pictures=(PICTURE,))
    desk.put("b", week=1)
    desk.publish()
    return desk


def test_files_and_folders_beside_the_pictures_stay(desk: Desk) -> None:
    """The picture goes; what somebody put there does not, and stops nothing."""
    (desk.site / "images/a/mine").mkdir()
    (desk.site / "images/a/mine.jpg").write_text("mine")
    (desk.root / "outbox/a/approval.json").unlink()

    desk.publish()

    there = sorted(each.name for each in (desk.site / "images/a").iterdir())
    assert there == ["mine", "mine.jpg"]
    assert "issues/a/index.html" not in desk.files()


def test_a_link_in_place_of_the_folder_is_not_followed(desk: Desk) -> None:
    """Nothing is removed where it leads to."""
    elsewhere = desk.root / "elsewhere"
    shutil.move(desk.site / "images/a", elsewhere)
    (desk.site / "images/a").symlink_to(elsewhere)
    (desk.root / "outbox/a/approval.json").unlink()

    desk.publish()

    assert [each.name for each in elsewhere.iterdir()] == [PICTURE.name]
