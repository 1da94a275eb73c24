"""Nothing in the repository depends on, or tells of, the machine it was written on."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[2]

LOCKS: Final = re.compile(
    r"(constraints|requirements)[^/]*\.txt|[^/]*\.lock|[^/]*[-_]lock\.(json|ya?ml)"
)
PIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!]+")
HOMES: Final = r"/(?:home|Users)/[A-Za-z][\w.-]*/"


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """List the files that are, or are about to be, in git; skip where there is no checkout."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    # Another user's checkout, as containers mount it, is safe to list.
    command = [git, "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others"]
    run = subprocess.run(
        [*command, "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    paths = [ROOT / name for name in run.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_constraints_are_plain_pins() -> None:
    """constraints.txt holds sorted `name==version` lines: no address, no hash, no option."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]

    assert [line for line in pins if not PIN.fullmatch(line)] == []
    assert pins == sorted(pins, key=lambda pin: pin.partition("==")[0].lower())


def test_lock_files_name_no_host(tracked: list[Path]) -> None:
    """No lock file says where its author downloaded from."""
    locks = [path for path in tracked if LOCKS.fullmatch(path.name)]
    with_address = [path.name for path in locks if "://" in path.read_text(encoding="utf-8")]

    assert ROOT / "constraints.txt" in locks
    assert with_address == []


def test_no_file_names_a_path_of_this_machine(tracked: list[Path]) -> None:
    """No text names this checkout, or anybody's home directory, by its absolute path."""
    here = [re.escape(f"{path}/") for path in (ROOT, Path.home()) if path != Path("/")]
    absolute = re.compile(rf"(?<![\w.~-])(?:{'|'.join([HOMES, *here])})".encode())

    found = [
        f"{path.relative_to(ROOT)}: {match.group().decode()}"
        for path in tracked
        if (match := absolute.search(path.read_bytes()))
    ]

    assert found == []
