"""Where compiled templates are kept stays where it was looked at; looking at tags is quick."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pipeline import template_cache
from pipeline.render import packaged_templates
from pipeline.render.fill import Filler
from pipeline.render.folders import TemplateFolders
from pipeline.render.lint import lint


def test_a_link_that_is_turned_later_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder that was looked at is used, whatever the link on the way to it leads to now."""
    real, other = tmp_path / "real", tmp_path / "other"
    for folder in (real, other):
        (folder / "broadsheet").mkdir(parents=True)
        (folder / "broadsheet" / "templates").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(real)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "link"))
    (tmp_path / "own").mkdir()
    template_cache._folder.cache_clear()
    try:
        for number in range(2):
            (tmp_path / "own" / "a.txt.j2").write_text(f"{{{{ subject }}}} {number}")
            Filler(TemplateFolders((tmp_path,), "own")).fill("a.txt.j2", {"subject": "x"})
            (tmp_path / "link").unlink()
            (tmp_path / "link").symlink_to(other)
    finally:
        template_cache._folder.cache_clear()

    assert len(list((real / "broadsheet" / "templates").iterdir())) == 2
    assert list((other / "broadsheet" / "templates").iterdir()) == []


@pytest.mark.parametrize("tag", ["<a a", "<mj-a ", "<img ", "<mj-style "])
def test_tags_that_never_end_are_looked_at_once(tmp_path: Path, tag: str) -> None:
    """Twenty thousand of them take a moment and not an hour."""
    (tmp_path / "digest").mkdir()
    (tmp_path / "digest" / "issue.mjml.j2").write_text(tag * 20_000)
    began = time.process_time()

    lint(TemplateFolders.of([tmp_path, packaged_templates()], "digest"))

    assert time.process_time() - began < 10
