from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import template_cache
from pipeline.errors import TemplateError
from pipeline.render.fill import Filler
from pipeline.render.folders import TemplateFolders


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where compiled templates are kept during a test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    template_cache._folder.cache_clear()
    template_cache._digest.cache_clear()
    yield tmp_path / "cache" / "broadsheet" / "templates"
    template_cache._folder.cache_clear()
    template_cache._digest.cache_clear()


def filler(root: Path, source: str) -> Filler:
    """Return what fills a template `a` of one file, as a process that has just begun."""
    (root / "own").mkdir(exist_ok=True)
    (root / "own" / "a.txt.j2").write_text(source, encoding="utf-8")
    return Filler(TemplateFolders((root,), "own"))


def test_a_template_is_compiled_once(cache: Path, tmp_path: Path) -> None:
    """The second process runs what the first one kept."""
    assert filler(tmp_path, "{{ subject }}!").fill("a.txt.j2", {"subject": "x"}) == "x!"
    [kept] = cache.iterdir()
    other = "{{ subject }}?"
    assert filler(tmp_path, other).fill("a.txt.j2", {"subject": "x"}) == "x?"
    [newer] = set(cache.iterdir()) - {kept}
    newer.write_bytes(kept.read_bytes())

    assert filler(tmp_path, other).fill("a.txt.j2", {"subject": "x"}) == "x!"


def test_what_was_kept_is_bounded_and_its_errors_have_their_place(
    cache: Path, tmp_path: Path
) -> None:
    """Counters are in what is kept, and so are lines and the name of the file."""
    endless = "\n{% for a in range(999) %}{% for b in range(999) %}{% endfor %}{% endfor %}"
    for _ in range(2):
        with pytest.raises(TemplateError, match=r"own/a\.txt\.j2:2: stopped after"):
            filler(tmp_path, endless).fill("a.txt.j2", {})

    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize("damage", [b"", b"\0" * 64, b"no code at all", b"\xe3"])
def test_what_cannot_be_read_is_compiled_again(cache: Path, tmp_path: Path, damage: bytes) -> None:
    """A file that was cut off costs time, and is no mistake of the template."""
    filler(tmp_path, "{{ subject }}!").fill("a.txt.j2", {"subject": "x"})
    for file in cache.iterdir():
        file.write_bytes(damage)

    assert filler(tmp_path, "{{ subject }}!").fill("a.txt.j2", {"subject": "y"}) == "y!"


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o755, 0o701])
def test_a_folder_that_is_open_to_others_is_not_used(
    cache: Path, tmp_path: Path, mode: int
) -> None:
    """Whoever could write there could run what they like as us."""
    cache.mkdir(parents=True)
    cache.chmod(mode)

    filler(tmp_path, "{{ subject }}").fill("a.txt.j2", {"subject": "x"})

    assert list(cache.iterdir()) == []


def test_a_folder_below_one_that_others_may_change_is_not_used(
    cache: Path, tmp_path: Path
) -> None:
    """They could put their own in its place."""
    cache.mkdir(parents=True, mode=0o700)
    cache.parent.chmod(0o777)

    filler(tmp_path, "{{ subject }}").fill("a.txt.j2", {"subject": "x"})

    assert list(cache.iterdir()) == []


def test_a_link_in_place_of_the_folder_is_not_followed(cache: Path, tmp_path: Path) -> None:
    """Where it leads to is nobody's promise."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    cache.parent.mkdir(parents=True)
    cache.symlink_to(elsewhere)

    filler(tmp_path, "{{ subject }}").fill("a.txt.j2", {"subject": "x"})

    assert list(elsewhere.iterdir()) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_not_used(cache: Path, tmp_path: Path) -> None:
    """Also if we may write there."""
    cache.mkdir(parents=True, mode=0o700)
    os.chown(cache, 12345, 12345)

    filler(tmp_path, "{{ subject }}").fill("a.txt.j2", {"subject": "x"})

    assert list(cache.iterdir()) == []


def test_without_a_folder_templates_are_filled_all_the_same(cache: Path, tmp_path: Path) -> None:
    """A machine without a home, or with a file in its place."""
    cache.parent.parent.write_text("in the way", encoding="ascii")

    assert filler(tmp_path, "{{ subject }}!").fill("a.txt.j2", {"subject": "x"}) == "x!"


def test_the_folder_does_not_grow_for_ever(cache: Path, tmp_path: Path) -> None:
    """Of too many, the older half goes."""
    cache.mkdir(parents=True, mode=0o700)
    for number in range(template_cache.MOST):
        (cache / str(number)).touch()
        os.utime(cache / str(number), (time.time() - 1000 + number,) * 2)

    filler(tmp_path, "{{ subject }}").fill("a.txt.j2", {"subject": "x"})

    assert len(list(cache.iterdir())) == template_cache.MOST // 2 + 1
    assert (cache / str(template_cache.MOST - 1)).exists()


def test_another_compiler_does_not_run_what_ours_kept(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new Broadsheet, Jinja2 or Python may count and escape in other ways."""
    filler(tmp_path, "{{ subject }}").fill("a.txt.j2", {"subject": "x"})
    template_cache._digest.cache_clear()
    monkeypatch.setattr("jinja2.__version__", "0")

    filler(tmp_path, "{{ subject }}").fill("a.txt.j2", {"subject": "x"})

    assert len(list(cache.iterdir())) == 2
