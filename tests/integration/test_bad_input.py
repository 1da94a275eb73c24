"""Bad input at the command line: a clear error, the right exit code, nothing half written."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import run
from pipeline.testing.plan import At, Plan, Rule
from pipeline.testing.sink import SmtpSink

pytestmark = pytest.mark.integration

GOOD = """\
---
title: "A Title That Is Long Enough"
subtitle: "A line for the inbox that is long enough to be worth showing"
number: 1
date: 2026-01-02
---

## News

### A story

Its words.
"""
SETTINGS = """
[newsletter]
name = "The Quay"
from = "quay@example.org"
postal_address = "1 Quay Lane"
[sender]
kind = "smtp"
host = "127.0.0.1"
port = {port}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "E003"),
        (b"   \n\n", "E003"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "E005"),
        (b"title\x00here\n", "E005"),
        (b"x" * (1 << 20) + b"xx", "E004"),
        (b"---\ntitle: [unclosed\n---\n\n## A\n\nwords\n", "E101"),
        (b"---\ntitle: A\ndate: 2026-02-30\n---\n\n## A\n\nwords\n", "E103"),
        (b"---\ntitle: A\ntitle: B\n---\n\n## A\n\nwords\n", "E104"),
        (b"---\ntitle: A\n", "E101"),
        (b'---\ntitle: "=?utf-8?q?=0ABcc=3A_x?="\n---\n\n## A\n\nwords\n', ""),
        (b"---\ntitle: A XX0UNSUBSCRIBE0URL0XX\n---\n\n## A\n\nwords\n", "E010"),
        (b'---\ntitle: "A \\u202e b"\n---\n\n## A\n\nwords\n', ""),
    ],
)
def test_a_bad_file_is_refused_with_its_place(
    folder: Path, capsys: pytest.CaptureFixture[str], data: bytes, said: str
) -> None:
    """Exit 1 or 2, the file named, and no outbox."""
    (folder / "bad.md").write_bytes(data)

    code = run(["build", "bad.md", "--out", "out"])
    message = capsys.readouterr().err

    assert code in {1, 2}
    assert "bad.md" in message or "title" in message or "subject" in message.lower()
    assert said in message
    assert "Traceback" not in message
    assert not (folder / "out" / "bad").exists()


def test_a_line_end_in_a_title_starts_no_header(folder: Path) -> None:
    """YAML can hide one in a quoted value; the subject stays one line."""
    (folder / "x.md").write_text('---\ntitle: "A\\r\\nBcc: x@example.org"\n---\n\n## A\n\nwords\n')
    run(["build", "x.md", "--out", "out"])
    written = folder / "out" / "x" / "message.eml"

    assert not written.exists() or b"\r\nBcc:" not in written.read_bytes()


def test_a_file_in_no_layout_is_refused_with_the_scores(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table of scores is shown, and --from decides."""
    (folder / "notes.txt").write_text("just a word\n")

    assert run(["build", "notes.txt", "--out", "out"]) == 1
    message = capsys.readouterr().err
    assert "E002" in message
    assert "--from" in message


def test_one_bad_file_keeps_the_good_one_from_being_half_a_build(folder: Path) -> None:
    """All files are examined before the first is written."""
    (folder / "good.md").write_text(GOOD)
    (folder / "bad.md").write_bytes(b"\x00")

    assert run(["build", "good.md", "bad.md", "--out", "out"]) == 1
    assert not (folder / "out").exists()


def test_two_files_of_one_name_are_told_apart(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One would silently replace the other."""
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / "x.md").write_text(GOOD)

    assert run(["build", "a/x.md", "b/x.md", "--out", "out"]) == 2
    assert "same entry" in capsys.readouterr().err


def test_an_outbox_behind_a_symbolic_link_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A link could lead anywhere."""
    (folder / "good.md").write_text(GOOD)
    (folder / "elsewhere").mkdir()
    (folder / "out").symlink_to(folder / "elsewhere")

    assert run(["build", "good.md", "--out", "out"]) == 1
    assert "out" in capsys.readouterr().err
    assert list((folder / "elsewhere").iterdir()) == []


def test_an_entry_that_is_a_symbolic_link_is_refused(folder: Path) -> None:
    """Nor may the entry's own folder be one."""
    (folder / "good.md").write_text(GOOD)
    (folder / "elsewhere").mkdir()
    (folder / "out").mkdir()
    (folder / "out" / "good").symlink_to(folder / "elsewhere")

    assert run(["build", "good.md", "--out", "out"]) == 1
    assert list((folder / "elsewhere").iterdir()) == []


def test_a_template_that_names_an_unknown_variable_says_where(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """File, line and the nearest name."""
    source = Path(__file__).parents[2] / "templates" / "email" / "digest"
    mine = folder / "templates" / "email" / "digest"
    mine.mkdir(parents=True)
    for file in source.iterdir():
        if file.is_file():
            (mine / file.name).write_bytes(file.read_bytes())
    broken = mine / "issue.txt.j2"
    broken.write_text("{{ isue.title }}\n" + broken.read_text())
    (folder / "newsletter.toml").write_text(SETTINGS.format(port=25))
    (folder / "issues").mkdir()
    (folder / "issues" / "good.md").write_text(GOOD)

    assert run(["build"]) == 1
    message = capsys.readouterr().err
    assert "issue.txt.j2:1" in message
    assert "isue" in message
    assert "issue" in message


def test_a_full_disk_leaves_no_entry(folder: Path) -> None:
    """The process may write no file over 20 KB: the build fails, and nothing looks like one."""
    (folder / "good.md").write_text(GOOD)
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from pipeline.cli import run; import pipeline.app, pipeline.operations.build;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000));"
        "sys.exit(run(['build', 'good.md', '--out', 'out']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "full" in done.stderr
    assert not (folder / "out" / "good" / "entry.json").exists()


def ready_to_send(folder: Path, port: int) -> None:
    """Make a workspace with one approved entry and two readers."""
    (folder / "newsletter.toml").write_text(SETTINGS.format(port=port))
    (folder / "issues").mkdir()
    (folder / "issues" / "good.md").write_text(GOOD)
    assert run(["build"]) == 0
    assert run(["approve", "good"]) == 0
    for name in ("a", "b"):
        assert run(["subscribers", "add", f"{name}@example.org", "--source", "asked"]) == 0


def test_an_unreachable_relay_blames_nobody(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 75, everybody still pending, and the same command goes on later."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    ready_to_send(folder, port)

    assert run(["send", "good", "--confirm", "2"]) == os.EX_TEMPFAIL
    assert "closed" in capsys.readouterr().err
    assert run(["status", "1", "--all", "--output", "tsv"]) == 0
    assert capsys.readouterr().out.count("pending") == 2


@pytest.mark.parametrize(
    ("rule", "code", "state"),
    [
        # A greeting of 421 is an outage; the rest is for a person to mend.
        (Rule(at=At.GREETING, reply="421 4.3.2 come back later", drop=True), 75, "sending"),
        (Rule(at=At.GREETING, reply="554 5.7.1 not you", drop=True), 2, "paused"),
        (Rule(at=At.MAIL, reply="550 5.7.1 this sender is not allowed"), 2, "paused"),
        (Rule(at=At.RCPT, reply="554 5.7.1 relay access denied"), 2, "paused"),
        (Rule(at=At.DOT, reply="550 5.7.26 unauthenticated mail is refused"), 2, "paused"),
    ],
)
def test_a_refusing_relay_blames_nobody(
    folder: Path, capsys: pytest.CaptureFixture[str], rule: Rule, code: int, state: str
) -> None:
    """Its own words are shown, everybody is still pending, and nobody is marked as failed."""
    with SmtpSink(Plan(rules=(rule,))) as relay:
        ready_to_send(folder, relay.port)
        assert run(["send", "good", "--confirm", "2"]) == code
    assert rule.reply is not None
    assert str(rule.reply).split()[0] in capsys.readouterr().err
    assert run(["status", "1", "--output", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["items"]
    assert row["state"] == state
    assert (row["pending"], row["refused"], row["accepted"]) == (2, 0, 0)

    with SmtpSink() as relay:
        settings = folder / "newsletter.toml"
        settings.write_text(SETTINGS.format(port=relay.port))
        assert run(["send", "good", "--confirm", "2"]) == 0
        assert relay.count == 2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["send", "good"], 2, "--confirm 2"),
        (["send", "good", "--confirm", "3"], 6, "nothing was sent"),
        (["send", "nothing", "--confirm", "2"], 1, "nothing"),
        (["send", "../etc", "--confirm", "2"], 1, "etc"),
        (["status", "99"], 2, "99"),
        (["approve", "missing"], 1, "missing"),
        (["subscribers", "add", "nobody", "--source", "x"], 2, "nobody"),
        (["subscribers", "import", "people.csv"], 2, ""),
        (["bild"], 2, "build"),
        (["explain", "E99"], 2, "E"),
        (["schedule", "good", "--at", "yesterday"], 2, "yesterday"),
        (["schedule", "good", "--at", "2020-01-01 09:00"], 2, "past"),
        (["-C", "issues", "build"], 2, "newsletter.toml"),
    ],
)
def test_every_refusal_has_its_exit_code(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    """2 usage, 6 not confirmed, 1 failed: as the table in docs/commands.md says."""
    ready_to_send(folder, 9)
    capsys.readouterr()

    assert run(arguments) == code
    message = capsys.readouterr().err
    assert said in message
    assert "Traceback" not in message


def test_sending_what_nobody_approved_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 4, at once and at a later time; a dry run says so too."""
    ready_to_send(folder, 9)
    (folder / "issues" / "draft.md").write_text(GOOD)
    assert run(["build"]) == 0

    for arguments in (["send", "draft", "--dry-run"], ["schedule", "draft", "--at", "in 2h"]):
        capsys.readouterr()
        assert run(arguments) == 4
        assert "broadsheet approve draft" in capsys.readouterr().err


def test_sending_what_was_edited_after_approval_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 4, and the way out is named."""
    ready_to_send(folder, 9)
    file = folder / "issues" / "good.md"
    file.write_text(GOOD.replace("Its words", "Other words"))
    assert run(["build"]) == 0
    capsys.readouterr()

    assert run(["send", "good", "--confirm", "2"]) == 4
    assert "broadsheet approve good" in capsys.readouterr().err


def test_a_part_changed_by_hand_is_noticed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The digest names the part."""
    ready_to_send(folder, 9)
    (folder / "outbox" / "good" / "email.txt").write_text("other words")

    assert run(["send", "good", "--confirm", "2"]) == 1
    assert "email.txt" in capsys.readouterr().err


def test_a_server_that_is_told_to_stop_stops_cleanly(folder: Path) -> None:
    """Supervisors send SIGTERM and expect 0."""
    (folder / "newsletter.toml").write_text(SETTINGS.format(port=9))
    serve = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "serve", "--port", "0", "--every", "0.2"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert serve.stderr is not None
    try:
        said = serve.stderr.readline()
    finally:
        serve.send_signal(signal.SIGTERM)
        _, rest = serve.communicate(timeout=60)

    assert "http://127.0.0.1" in said
    assert serve.returncode == 0
    assert "Traceback" not in rest
