"""The wheel carries everything: it works where there is no checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
NEEDED = {
    "pipeline/_templates/email/family/issue.mjml.j2",
    "pipeline/_templates/email/digest/theme.toml",
    "pipeline/formats/words.toml",
    "pipeline/publish/pages/page.css",
    "pipeline/outbox/index.html.j2",
    "pipeline/storage/migrations/versions/revision_0001.py",
    "pipeline/py.typed",
}


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built here and unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT],
        check=True,
        env={**os.environ, "PIP_BUILD_CONSTRAINT": str(ROOT / "constraints.txt")},
    )
    (wheel,) = folder.glob("broadsheet-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_nothing_is_missing_from_the_wheel(unpacked: Path) -> None:
    """Templates, tables, pages and migrations are data files, and easily forgotten."""
    names = {str(file.relative_to(unpacked)) for file in unpacked.rglob("*") if file.is_file()}

    assert names >= NEEDED
    assert not any(name.startswith(("tests/", "issues/", "docs/")) for name in names)


def test_a_new_workspace_builds_with_the_packaged_templates(
    unpacked: Path, tmp_path: Path
) -> None:
    """From nothing to an entry, with the package from the wheel."""
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    where = "import pipeline; print(pipeline.__file__)"
    for command in (["-c", where], ["-m", "pipeline", "init", "x"]):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        if command[0] == "-c":
            assert done.stdout.startswith(str(unpacked))
    subprocess.run(
        [sys.executable, "-m", "pipeline", "build"],
        cwd=tmp_path / "x",
        env=environment,
        check=True,
        capture_output=True,
    )

    assert (tmp_path / "x" / "outbox" / "001" / "message.eml").is_file()
