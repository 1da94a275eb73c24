"""Names of entries."""

from __future__ import annotations

import pytest

from pipeline.errors import ConfigError
from pipeline.outbox.naming import checked, entry_id, is_entry_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("091", "091"),
        ("issue-91", "issue-91"),
        ("What's New? (A look)", "whats-new-a-look"),
        ("Änderungen & mehr", "anderungen-mehr"),
        ("ﬁne print", "fine-print"),
        ("../../etc/passwd", "etc-passwd"),
        ("..%2f..%2fx", "2f-2fx"),
        ("a\0b", "a-b"),
        ("ＣＯＮ１２", "con12"),
        ("x" * 300, "x" * 81),
        ("a" * 80 + "-b", "a" * 80),
        ("console", "console"),
    ],
)
def test_any_title_gives_a_plain_name(name: str, expected: str) -> None:
    """Letters, digits and hyphens, at most 81, nothing that leads out of a folder."""
    assert entry_id(name) == expected


@pytest.mark.parametrize("name", ["", "...", "日本語", "🎉", " ", "-"])
def test_a_name_of_which_nothing_is_left_is_refused(name: str) -> None:
    """The message shows what was given and names the remedy."""
    with pytest.raises(ConfigError, match="slug"):
        entry_id(name)


@pytest.mark.parametrize("name", ["con", "PRN", "aux", "NUL", "com1", "LPT9", "com0", "ＣＯＮ"])
def test_a_windows_device_is_refused(name: str) -> None:
    """A folder of that name cannot be cloned there."""
    with pytest.raises(ConfigError, match="Windows"):
        entry_id(name)


@pytest.mark.parametrize(
    "name", ["..", ".", "a/b", "A", "-a", "a b", "a\n", "é", "", "x" * 82, "..%2f", "а"]
)
def test_what_comes_from_outside_is_checked_not_repaired(name: str) -> None:
    """A name for reading is either exactly one or refused; the last one is a Cyrillic letter."""
    assert not is_entry_name(name)
    with pytest.raises(ConfigError):
        checked(name)
