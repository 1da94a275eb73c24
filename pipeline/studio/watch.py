"""Noticing a save at once, whatever the editor does to make it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from watchfiles import Change, awatch

STEP_MS: Final = 20  # of silence that end a burst of events
DEBOUNCE_MS: Final = 50  # the longest burst
LOOK_AGAIN_MS: Final = 1_000  # for folders that come and go
_PASSING: Final = ("~", ".swp", ".swx", ".tmp", ".part", ".bak")


async def follow(
    folders: Callable[[], Iterable[Path]], changed: Callable[[], None], *, recursive: bool
) -> None:
    """Say when something in folders changed, until cancelled.

    Args:
        folders: asked again every second; one that is missing is watched as soon as it is there.
        changed: called in this loop, once a burst.
        recursive: whether folders inside them count.
    """
    while True:
        watched = _there(folders())
        if not watched:
            await asyncio.sleep(LOOK_AGAIN_MS / 1000)
            continue
        async for changes in awatch(
            *watched,
            watch_filter=counts,
            step=STEP_MS,
            debounce=DEBOUNCE_MS,
            rust_timeout=LOOK_AGAIN_MS,
            yield_on_timeout=True,
            recursive=recursive,
            ignore_permission_denied=True,
        ):
            if changes:
                changed()
            if _there(folders()) != watched:
                changed()
                break


def counts(_: Change, path: str) -> bool:
    """Say whether an event is about somebody's work and not about an editor's own files."""
    name = path.rpartition("/")[2]
    return not name.startswith(".") and not name.endswith(_PASSING) and name != "4913"  # Vim's


def _there(folders: Iterable[Path]) -> dict[Path, int]:
    """Return the folders that exist, each with its inode: a new one needs a new watch."""
    found: dict[Path, int] = {}
    for folder in folders:
        try:
            found[folder] = folder.stat().st_ino
        except OSError:
            continue
    return found
