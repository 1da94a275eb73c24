"""`broadsheet preview`: what it says of itself, and what it refuses before it listens."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from pipeline.cli import run
from pipeline.model.sample_reader import SAMPLE_READERS
from pipeline.studio.guard import HOST
from tests.unit.studio_desk import issue, workspace


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """The help has the port, the browser, the readers, and how it ends."""
    assert run(["preview", "--help"]) == 0
    said = capsys.readouterr().out
    for words in ("--port", "--open", "--as", "Ctrl-C", *(each.key for each in SAMPLE_READERS)):
        assert words in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["issues/none.md"], "issues/none.md: there is no such file; `broadsheet new` makes one"),
        (["--as", "nobody"], "nobody"),
        (["--port", "65536"], "0<=x<=65535"),
        (["--port", "-1"], "0<=x<=65535"),
        (["--port", "many"], "many"),
        (["issues"], "issues"),
    ],
)
def test_a_mistake_is_refused_with_its_name(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    """What is wrong is named, and nothing listens."""
    monkeypatch.chdir(workspace(tmp_path))

    assert run(["preview", *arguments]) == 2

    assert said in capsys.readouterr().err


def test_a_port_that_is_taken_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who asks for a port gets that port or is told; another would not be what they asked for."""
    monkeypatch.chdir(workspace(tmp_path))
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["preview", "--port", str(port)]) == 2

    assert f"cannot listen on {HOST}:{port}" in capsys.readouterr().err


def test_without_a_workspace_an_issue_must_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Outside a workspace there is nothing to list, and the message says what to do."""
    monkeypatch.chdir(tmp_path)

    assert run(["preview", "--port", "0"]) == 2

    assert "newsletter.toml" in capsys.readouterr().err


def test_it_prints_its_address_answers_and_ends(tmp_path: Path) -> None:
    """The address it prints shows the issue for that reader, others do not; an interrupt ends it."""
    root = workspace(tmp_path, first=issue("Second wind"))
    command = [sys.executable, "-m", "pipeline", "preview", "issues/first.md"]
    with subprocess.Popen(
        [*command, "--port", "0", "--as", "rtl"],
        cwd=root,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            address = process.stderr.readline().strip()
            parts = r"(http://127\.0\.0\.1:\d+)/[\w-]{22}(/issues/first\.md\?reader=rtl)"
            found = re.fullmatch(parts, address)
            assert found
            with urlopen(address, timeout=60) as answer:
                assert "Second wind" in answer.read().decode()
            with pytest.raises(HTTPError, match="403"):
                urlopen(found[1] + found[2], timeout=60)
            process.send_signal(2)
            process.wait(60)
        finally:
            process.kill()
