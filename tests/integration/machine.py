"""What these tests ask of the machine: programs of Debian, and processes that come to an end."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

import pytest

from tests.conftest import NOT_FOUND

SBIN: Final = "/usr/sbin"  # not on everybody's PATH


def need(command: str, package: str, *, root: bool = False) -> str:
    """Return the path of a command; without it skip the test, or fail it in CI.

    Args:
        command: its name.
        package: the Debian package that brings it.
        root: it is of use to root only.
    """
    found = shutil.which(command, path=f"{os.environ.get('PATH', os.defpath)}:{SBIN}")
    if not found:
        do_without(f"{NOT_FOUND}{package}")
    if root and os.geteuid():
        do_without(f"{package} has to be started by root")
    return found


def do_without(what: str) -> NoReturn:
    """Skip the test because something is missing here; fail it in CI, which has everything."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}, and CI has everything", pytrace=False)
    pytest.skip(what)


def wait_for(condition: Callable[[], bool], what: str, *, deadline_s: float = 60.0) -> None:
    """Return when a condition holds that other processes bring about.

    Raises:
        AssertionError: it did not come; `what` says what.
    """
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"waited {deadline_s:.0f} s in vain until {what}"
        time.sleep(0.002)  # polling another process, not waiting for luck


def standing_in(folder: Path) -> list[int]:
    """Return the processes whose working directory is inside a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                where = (entry / "cwd").readlink()
            except OSError:  # it ended, or is not ours
                continue
            if where.is_relative_to(folder):
                found.append(int(entry.name))
    return found
