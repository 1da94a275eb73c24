"""The door on a real socket: slow clients, many clients, and what the log keeps."""

from __future__ import annotations

import http.client
import logging
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep

import pytest
import uvicorn

from pipeline.app import App
from pipeline.audience.tokens import Action
from pipeline.model.subscriber import MAIN, SubscriberState
from pipeline.web.application import application
from pipeline.web.patience import MOST_HEAD_BYTES, PatientProtocol
from pipeline.web.rates import LIMITS, Limit, Rates, Rule
from tests.integration.web_door import link, stamp, states, subscribe, workspace

pytestmark = pytest.mark.integration


class Hasty(PatientProtocol):
    """One that a test need not wait for."""

    head_within_s = 1.0


@contextmanager
def served(app: App) -> Iterator[int]:
    """Serve a workspace as `broadsheet serve` does, but hastily and unlimited; give the port."""
    limits = dict.fromkeys(Rule, Limit(10**6, 1)) | {
        Rule.SUBSCRIBE_ADDRESS: LIMITS[Rule.SUBSCRIBE_ADDRESS]
    }
    config = uvicorn.Config(
        application(app, rates=Rates(limits=limits), pace_s=0.05),
        port=0,
        http=Hasty,
        ws="none",
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
        log_level="debug",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = monotonic() + 20
    while not server.started:
        assert monotonic() < end
        sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def app(tmp_path: Path) -> App:
    """A workspace with two lists, opened once before the server's threads come."""
    app = workspace(tmp_path)
    assert app.lists
    return app


def fetch(port: int, method: str, path: str, body: str = "") -> tuple[int, str]:
    """Make one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    connection.request(method, path, body or None, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


@contextmanager
def opened(port: int, start: bytes) -> Iterator[socket.socket]:
    """Open a connection, and say only the beginning of something."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as found:
        found.sendall(start)
        yield found


def closed_within(connection: socket.socket, seconds: float) -> bool:
    """Whether the other side ends a connection in time."""
    connection.settimeout(seconds)
    try:
        while connection.recv(4096):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


@pytest.mark.parametrize(
    "start", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "], ids=["silent", "half a head"]
)
def test_two_hundred_slow_clients_keep_nobody_waiting(app: App, start: bytes) -> None:
    """While they dawdle others are answered; after the deadline they are gone."""
    with served(app) as port, ExitStack() as stack:
        slow = [stack.enter_context(opened(port, start)) for _ in range(200)]
        assert fetch(port, "GET", "/healthz") == (200, "ok\n")
        assert fetch(port, "GET", "/subscribe")[0] == 200
        end = monotonic() + 60
        assert all(closed_within(each, end - monotonic()) for each in slow)


def test_a_trickle_prolongs_nothing(app: App) -> None:
    """A byte now and then is not progress; nor is it on a connection that was good once."""
    good = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with served(app) as port, opened(port, good) as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        begun = monotonic()
        with suppress(OSError):
            for letter in good[:-2] + b"X: " + b"x" * 800:
                connection.sendall(bytes([letter]))
                sleep(0.05)
        assert monotonic() - begun < 20
        assert closed_within(connection, 10)


def test_a_head_without_end_is_refused(app: App) -> None:
    """Headers have a size."""
    endless = b"GET / HTTP/1.1\r\nX: " + b"x" * (MOST_HEAD_BYTES + 1)
    with served(app) as port, opened(port, endless) as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 400")


def test_two_hundred_clients_at_once_are_all_answered(app: App) -> None:
    """Forms, links and pages, mixed: no error of the server, and every word was heard."""
    people = [subscribe(app, f"p{number}@example.org") for number in range(100)]
    with served(app) as port:
        shown = stamp(fetch(port, "GET", "/subscribe")[1])
        app.clock.turn(timedelta(seconds=5))  # type: ignore[attr-defined] # a clock of ours
        gate = threading.Barrier(200)

        def visit(number: int) -> int:
            gate.wait(60)
            if number < 100:
                return fetch(port, "POST", link(app, Action.UNSUBSCRIBE, people[number]))[0]
            if number < 150:
                body = f"address=n{number}%40example.org&list=main&shown={shown}"
                return fetch(port, "POST", "/subscribe", body)[0]
            return fetch(port, "GET", "/subscribe")[0]

        with ThreadPoolExecutor(200) as pool:
            statuses = Counter(pool.map(visit, range(200)))

    assert statuses == {200: 200}
    app.clock.turn(timedelta(minutes=1))  # type: ignore[attr-defined] # the same
    app.keep_word().carry_out()  # of those for whom the database had no time
    assert all(states(app, each)[MAIN] is SubscriberState.UNSUBSCRIBED for each in people)


def test_no_log_of_the_server_has_a_token(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """Not of good requests, not of broken ones, at any level."""
    path = link(app, Action.UNSUBSCRIBE, subscribe(app, "robin@example.org"))
    with caplog.at_level(logging.DEBUG), served(app) as port:
        fetch(port, "GET", path)
        fetch(port, "POST", path)
        broken = f"GET {path} HTTP/9.9\r\nbroken\x00\r\n\r\n".encode()
        with opened(port, broken) as connection:
            connection.recv(4096)
        short = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n".encode()
        with opened(port, short):
            pass

    text = "\n".join(record.getMessage() for record in caplog.records)
    assert path[3:] not in text
    assert "robin@" not in text
