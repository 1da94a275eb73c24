"""What the desk does while people save, and pictures of what it shows."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from pipeline.operations.preview import Look
from pipeline.studio.desk import Desk, Seen
from tests.unit.picture_files import decoded, encoded
from tests.unit.studio_desk import issue, opened, studio, workspace


class SavedMeanwhile:
    """A preview during whose first builds somebody saves."""

    def __init__(self, desk: Desk, texts: list[str]) -> None:
        self.desk, self.preview, self.texts = desk, desk.preview, texts
        self.builds = 0

    def __getattr__(self, name: str) -> Any:
        """Do the rest as ever."""
        return getattr(self.preview, name)

    def file(self, file: Path) -> Look:
        """Build, and let the save come before the build is done."""
        look = self.preview.file(file)
        self.builds += 1
        if self.texts:
            file.write_text(self.texts.pop(0))
            self.desk.generation += 1
        return look


def looked(root: Path, texts: list[str], people: int = 1) -> tuple[list[Seen | None], int]:
    """Let people look at the same issue at once while somebody saves, and count the builds."""

    async def look() -> tuple[list[Seen | None], int]:
        desk = Desk(lambda: opened(root))
        preview = SavedMeanwhile(desk, texts)
        desk._preview = preview  # type: ignore[assignment] # it has all that a preview has
        seen = await asyncio.gather(*(desk.at("issues", "first.md") for _ in range(people)))
        for each in tuple(desk._checking.values()):
            each.cancel()
        return list(seen), preview.builds

    return asyncio.run(look())


def test_a_save_in_the_middle_of_a_build_wins(tmp_path: Path) -> None:
    """Who asks gets the newest text, all of it: title, message and source are of one version."""
    root = workspace(tmp_path, first=issue("One", "Story one."))
    texts = [issue("Two", "Story two."), issue("Three", "Story three.")]

    (seen,), builds = looked(root, texts)

    assert seen is not None
    assert seen.look is not None
    assert builds == 3
    assert seen.look.title == "Three"
    assert "Story three." in seen.look.rendered.html
    assert "Story three." in seen.look.source
    for old in ("Story one.", "Story two."):
        assert old not in seen.look.rendered.html + seen.look.source


def test_everybody_who_looks_at_once_sees_the_newest(tmp_path: Path) -> None:
    """Several pages that are open at a save agree on what they show."""
    root = workspace(tmp_path, first=issue("One"))

    seen, _ = looked(root, [issue("Two")], people=4)

    assert {each.look.title for each in seen if each and each.look} == {"Two"}


def test_saves_without_end_do_not_keep_a_page_away(tmp_path: Path) -> None:
    """A program that saves all the time is shown as it was a moment ago."""
    root = workspace(tmp_path, first=issue("One"))

    (seen,), builds = looked(root, [issue(f"Title {n}") for n in range(50)])

    assert seen is not None
    assert seen.look is not None
    assert builds < 50


@pytest.mark.parametrize(("travel", "sent"), [("archive", "https://quay."), ("attach", "cid:")])
def test_pictures_have_an_address_in_the_frame(tmp_path: Path, travel: str, sent: str) -> None:
    """Where the mail has a `cid:` or an address of the site, the frame has one of the studio."""
    root = workspace(tmp_path, first=issue(story="![A boat](boat.png)"))
    (root / "issues/boat.png").write_bytes(encoded())
    settings = root / "newsletter.toml"
    settings.write_text(f'{settings.read_text()}[images]\nas = "{travel}"\n')
    opened(root).build()([root / "issues/first.md"])
    with studio(root) as client:
        for path in ("/issues/first.md", "/outbox/first"):
            message = unescape(client.get(f"{path}?tab=html").text)
            assert f"{sent}" in re.sub(r"<[^>]+>", "", message)
            (address,) = re.findall(r'<img[^>]* src="([^"]+)"', client.get(f"{path}/mail").text)
            assert address.startswith("pictures/")

            answer = client.get(f"{path}/{address}")

            assert answer.headers["content-type"] == "image/png"
            assert answer.headers["content-security-policy"].startswith("sandbox")
            assert decoded(answer.content).size == (40, 20)
            assert client.get(f"{path}/pictures/another.png").status_code == 404
