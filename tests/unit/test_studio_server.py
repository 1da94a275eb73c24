"""The address that the studio says when it starts."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from pipeline.studio.guard import HOST
from pipeline.studio.server import Server, serve
from tests.unit.studio_desk import opened, workspace


def test_each_start_has_a_token_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every address has 128 random bits before the path, and no two starts have the same."""
    root = workspace(tmp_path)
    said: list[str] = []
    monkeypatch.setattr(Server, "run", lambda self, **_: self.ready())
    with socket.create_server((HOST, 0)) as listening:
        for file in (None, root / "issues/first.md") * 10:
            serve(lambda: opened(root), listening, issue=file, ready=said.append)

    found = [
        re.fullmatch(r"http://127\.0\.0\.1:\d+/([\w-]{22})/(issues/first\.md)?", each)
        for each in said
    ]
    assert len({each[1] for each in found if each}) == len(said) == 20
