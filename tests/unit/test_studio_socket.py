"""Requests as no browser writes them: an issue is what the list has, never a path."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import pytest
import uvicorn

from pipeline.studio.application import application
from pipeline.studio.desk import Desk
from pipeline.studio.guard import HOST
from pipeline.studio.server import Server
from tests.unit.studio_desk import TOKEN, issue, opened, workspace

WAIT_S: Final = 60  # for a machine that is busy with other tests
SECRET: Final = "A secret outside"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Serve a workspace beside which lies an issue that is not of it."""
    (tmp_path / "ws").mkdir()
    (tmp_path / "secret.md").write_text(issue(SECRET))
    root = workspace(tmp_path / "ws")
    (root / "secret.md").write_text(issue(SECRET))
    (root / "site").mkdir()
    listening = socket.create_server((HOST, 0))
    number = listening.getsockname()[1]
    desk = Desk(lambda: opened(root))
    config = uvicorn.Config(
        application(desk, port=number, token=TOKEN),
        log_level="critical",
        ws="none",
        timeout_graceful_shutdown=1,
    )
    server = Server(config, desk, lambda: None)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    end = monotonic() + WAIT_S
    while not server.started and monotonic() < end:
        sleep(0.01)
    yield number
    server.should_exit = True
    thread.join(WAIT_S)
    listening.close()


def asked(port: int, target: str) -> bytes:
    """Send a request line as it is, and return the whole answer."""
    with socket.create_connection((HOST, port), timeout=WAIT_S) as connection:
        head = f"GET /{TOKEN}{target} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode("latin-1"))
        answer = b""
        while more := connection.recv(65536):
            answer += more
    return answer


def test_what_is_in_the_list_is_answered(port: int) -> None:
    """The same words with a name of the list get the issue, so the others were understood."""
    answer = asked(port, "/issues/first.md")

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"First light" in answer


@pytest.mark.parametrize("kind", ["issues", "outbox", "feeds", "site", "assets"])
@pytest.mark.parametrize(
    "name",
    [
        "../secret.md",
        "..%2fsecret.md",
        "..%2Fsecret.md",
        "%2e%2e%2fsecret.md",
        "..%252fsecret.md",
        "%252e%252e%252fsecret.md",
        "..%5csecret.md",
        "..%c0%afsecret.md",
        "..%2f..%2fsecret.md",
        "first.md%2f..%2f..%2fsecret.md",
        "..%2fsecret.md%00.md",
        "%2f..%2fsecret.md",
        "..;/secret.md",
    ],
)
def test_a_path_is_no_name(port: int, kind: str, name: str) -> None:
    """However it is quoted, a way out of the folder is refused and shows nothing."""
    for rest in ("", "/mail", "/message.eml", "?tab=source"):
        answer = asked(port, f"/{kind}/{name}{rest}")

        assert answer.split(b"\r\n", 1)[0].split()[1] in {b"400", b"404", b"405"}, rest
        assert SECRET.encode() not in answer


@pytest.mark.parametrize("slash", ["%2f", "%252f"])
def test_an_absolute_file_is_no_name(port: int, tmp_path: Path, slash: str) -> None:
    """The full path of an issue, quoted into one part, is not looked up either."""
    quoted = str(tmp_path / "secret.md").replace("/", slash)

    answer = asked(port, f"/issues/{quoted}")

    assert answer.startswith(b"HTTP/1.1 404")
    assert SECRET.encode() not in answer
