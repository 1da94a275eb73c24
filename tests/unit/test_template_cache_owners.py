"""Every folder on the way to the compiled templates is ours or root's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import template_cache
from pipeline.render.fill import Filler
from pipeline.render.folders import TemplateFolders


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the folder where they would be kept; it is ours alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / "cache"))
    folder = tmp_path / "home" / "cache" / "broadsheet" / "templates"
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    template_cache._folder.cache_clear()
    yield folder
    template_cache._folder.cache_clear()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("above", [0, 1, 2])
def test_below_a_folder_of_somebody_else_nothing_is_kept(
    cache: Path, tmp_path: Path, above: int
) -> None:
    """Its owner can put another in the place of what is in it, however closed it is to others."""
    cache.parents[above].chmod(0o755)
    os.chown(cache.parents[above], 12345, 12345)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.txt.j2").write_text("{{ subject }}")

    filler = Filler(TemplateFolders((tmp_path,), "own"))

    assert filler.fill("a.txt.j2", {"subject": "x"}) == "x"
    assert list(cache.iterdir()) == []


def test_below_folders_of_ours_it_is_kept(cache: Path, tmp_path: Path) -> None:
    """The folder of the other test, before it is given away."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.txt.j2").write_text("{{ subject }}")

    Filler(TemplateFolders((tmp_path,), "own")).fill("a.txt.j2", {"subject": "x"})

    assert len(list(cache.iterdir())) == 1
