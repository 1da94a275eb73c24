"""The direction of imports, as `[tool.importlinter]` of pyproject.toml draws it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_imports_point_down_the_page() -> None:
    """No module imports a sibling room, a room above it, or itself through a cycle."""
    lint_imports = Path(sys.executable).with_name("lint-imports")

    # Without its cache: two test workers would write the same files.
    run = subprocess.run(
        [lint_imports, "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
