"""`broadsheet demo` walks the whole way, and notices when something does not add up."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from pipeline.app import App
from pipeline.cli import run
from pipeline.operations.demo import DemoFailed
from pipeline.senders.console import Console
from pipeline.settings import load

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def test_the_demo_delivers_to_everybody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 0, the numbers said aloud, and every part where it says."""
    folder = tmp_path / "demo"

    assert run(["-C", str(ROOT), "demo", "--people", "25", "--folder", str(folder)]) == 0
    said = capsys.readouterr()
    assert "25 of 25 delivered" in said.out
    assert "each exactly once" in said.err
    for name in ("outbox/index.html", "site/feed.xml", "site/atom.xml", "as-received.eml"):
        assert (folder / name).is_file()


def test_the_demo_can_be_run_again_but_removes_nothing_of_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only a folder it made itself is made anew."""
    mine, others = tmp_path / "demo", tmp_path / "others"
    others.mkdir()
    (others / "thesis.txt").write_text("years of work")

    for _ in range(2):
        assert run(["-C", str(ROOT), "demo", "--people", "2", "--folder", str(mine)]) == 0
    assert run(["-C", str(ROOT), "demo", "--people", "2", "--folder", str(others)]) == 2
    assert "was not made by the demo" in capsys.readouterr().err
    assert (others / "thesis.txt").read_text() == "years of work"


def test_a_sender_that_only_claims_to_deliver_is_caught(tmp_path: Path) -> None:
    """The server's own count is held against the ledger."""
    (tmp_path / "newsletter.toml").write_bytes((ROOT / "newsletter.toml").read_bytes())
    issues = tmp_path / "issues"
    issues.mkdir()
    (issues / "043.md").write_bytes((ROOT / "issues" / "043.md").read_bytes())
    app = App(settings=load(tmp_path, {}), root=tmp_path, has_workspace=True)
    demo = app.demo(say=lambda _: None)
    liar = type(demo)(
        build=demo.build,
        approve=demo.approve,
        publish=demo.publish,
        enrol=demo.enrol,
        send_to=lambda _host, _port: app.send(Console(stream=io.StringIO())),
        unsubscribe=demo.unsubscribe,
        say=demo.say,
    )

    with pytest.raises(DemoFailed, match="did not see everybody"):
        liar(tmp_path, app.issue_files(), people=3)
