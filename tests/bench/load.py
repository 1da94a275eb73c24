"""Measures the HTTP door with two hundred clients at once, for docs/benchmarks.md.

    python tests/bench/load.py [--quick]

Quick is three seconds a row, and writes nothing. The door is `broadsheet serve` in a process of
its own, the clients are this one.
"""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from pipeline.app import App
from pipeline.audience.tokens import Action, Tokens
from pipeline.model.subscriber import MAIN
from pipeline.settings import load
from pipeline.web.subscribe import PACE_S
from tests.bench.page import prose, surroundings, write_section
from tests.bench.sinks import run, running_sink
from tests.bench.workshop import ISSUE, SETTINGS, broadsheet, environment, workshop

CLIENTS: Final = 200
READERS: Final = 10_000
ROW_S: Final = 20.0
# So that the dispatch lasts as long as the rows beside it do.
RATE: Final = 100  # messages a second
# The limits of one network would hide the load: each request says that it comes from another.
MORE: Final = f"""\
[web]
trusted_proxies = ["127.0.0.1"]
[delivery]
domains = {{ "example.org" = "{RATE}/s" }}
"""


@dataclass(slots=True)
class Heard:
    """What came back in one row."""

    seconds: float
    statuses: Counter[int] = field(default_factory=Counter)
    waits_s: list[float] = field(default_factory=list)
    broken: int = 0  # connections that ended before the answer did

    def wait_ms(self, share: float) -> float:
        """Return what this share of the clients waited at most."""
        return sorted(self.waits_s)[int((len(self.waits_s) - 1) * share)] * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of request."""

    shown: str  # as the page prints it
    request: Callable[[], bytes]  # the next one


@dataclass(frozen=True, slots=True)
class Door:
    """A running `broadsheet serve`, and who may be asked about there."""

    port: int
    tokens: tuple[str, ...]

    def rows(self) -> tuple[Row, ...]:
        """Return what is asked of it."""
        url = f"http://127.0.0.1:{self.port}"
        with urlopen(f"{url}/feed.xml") as feed:
            etag = feed.headers["ETag"]
        with urlopen(f"{url}/subscribe") as page:
            found = re.search(rb'name="shown" value="([^"]+)"', page.read())
        if found is None:
            raise RuntimeError("the subscribe page has no form")
        shown, number, tokens = found[1].decode(), count(), iter(self.tokens)

        def ask() -> bytes:
            # No domain gets more than a few: it would be protected.
            address = f"new{next(number)}%40d{random.randrange(300)}.example.net"
            body = f"address={address}&list=main&shown={shown}"
            return _post("/subscribe", body)

        def leave() -> bytes:
            token = next(tokens, self.tokens[0])
            return _post(f"/u/{token}", "List-Unsubscribe=One-Click")

        whole, known = _get("/feed.xml"), _get("/feed.xml", f"If-None-Match: {etag}\r\n")
        return (
            Row(shown="GET /feed.xml", request=lambda: whole),
            Row(shown="GET /feed.xml, If-None-Match", request=lambda: known),
            Row(shown="POST /subscribe", request=ask),
            Row(shown="POST /u/TOKEN, one-click", request=leave),
        )


def _get(path: str, more: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{more}\r\n".encode()


def _post(path: str, body: str) -> bytes:
    network = ".".join(str(random.randrange(1, 224)) for _ in range(4))
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: {network}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def load_with(row: Row, port: int, seconds: float) -> Heard:
    """Let all clients ask, each as soon as it was answered, over connections that stay open."""
    heard = Heard(seconds)
    end = time.perf_counter() + seconds
    await asyncio.gather(*(_client(row, port, end, heard) for _ in range(CLIENTS)))
    return heard


async def _client(row: Row, port: int, end: float, heard: Heard) -> None:
    while time.perf_counter() < end:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                while time.perf_counter() < end:
                    begun = time.perf_counter()
                    writer.write(row.request())
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
                    await reader.readexactly(int(length[1]) if length else 0)
                    heard.statuses[int(head[9:12])] += 1
                    heard.waits_s.append(time.perf_counter() - begun)
            finally:
                writer.close()
        except (OSError, asyncio.IncompleteReadError):
            heard.broken += 1


@contextmanager
def served(folder: Path, sink_port: int) -> Iterator[Door]:
    """Run `broadsheet serve` in a workspace until the block ends."""
    app = App(settings=load(folder, {}), root=folder, has_workspace=True)
    tokens = Tokens(app.keys)
    links = [tokens.mint(Action.UNSUBSCRIBE, one.id, MAIN) for one in app.subscribers.all()]
    command = broadsheet(folder, "serve", "--port", "0")
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment(sink_port, "auto")
    )
    assert process.stderr is not None
    said = folder / "serve.log"
    try:
        line = process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        if found is None:
            raise RuntimeError(f"{line}{process.communicate(timeout=10)[1]}")
        # Nobody reads what it says while it runs; a full pipe would stop it.
        drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=said.open("wb"))
        time.sleep(3)  # its first tick publishes; and no form is believed in its first two seconds
        yield Door(int(found[1]), tuple(links))
    finally:
        process.terminate()
        process.wait(30)
    drain.wait(10)
    if "Traceback" in (words := said.read_text(encoding="utf-8")):
        raise RuntimeError(words[-4000:])


def measure(folder: Path, seconds: float, *, sending: bool) -> list[tuple[Row, Heard]]:
    """Measure all rows in a workspace.

    Raises:
        RuntimeError: the dispatch beside it ended too early or failed.
    """
    heard: list[tuple[Row, Heard]] = []
    with running_sink() as sink, served(folder, sink.port) as door:
        rows = door.rows()
        time.sleep(3)  # a form that was sent sooner is not believed
        dispatch = None
        if sending:
            command = broadsheet(folder, "send", ISSUE, "--confirm", str(READERS))
            dispatch = subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=(folder / "send.log").open("wb"),
                env=environment(sink.port, "auto"),
            )
            end = time.monotonic() + 60
            while not sink.accepted():
                if time.monotonic() > end:
                    raise RuntimeError((folder / "send.log").read_text(encoding="utf-8")[-2000:])
                time.sleep(0.1)  # polling another process
        for row in rows:
            heard.append((row, asyncio.run(load_with(row, door.port, seconds))))
            sys.stderr.write(
                f"{row.shown}: {dict(heard[-1][1].statuses)}, {sink.accepted()} messages\n"
            )
        if dispatch is not None:
            if dispatch.poll() is not None:
                raise RuntimeError((folder / "send.log").read_text(encoding="utf-8")[-2000:])
            dispatch.terminate()
            dispatch.wait(30)
    return heard


def section(idle: list[tuple[Row, Heard]], busy: list[tuple[Row, Heard]]) -> list[str]:
    """Return the lines of the section."""
    everything = [one for _, one in (*idle, *busy)]
    total: Counter[int] = sum((one.statuses for one in everything), Counter())
    errors = sum(times for status, times in total.items() if status >= 500)
    return [
        *prose(
            f"`tests/bench/load.py`: {CLIENTS} clients on connections that stay open, each asking "
            f"again as soon as it was answered, {idle[0][1].seconds:.0f} s a row, at `broadsheet "
            f"serve` with {READERS:,} subscribers and one issue; and the same while `broadsheet "
            f"send` writes to them, {RATE} messages a second, into `smtp-sink`. Clients, server "
            "and sender share the machine. Each POST comes from another network, so that the "
            f"limits of one do not hide the load; who asks to subscribe waits {PACE_S * 1000:.0f} ms at "
            "least, by intention."
        ),
        "| request | answers/s | p50 | p99 | statuses |",
        "|---|---:|---:|---:|---|",
        *(_line(f"`{row.shown}`", one) for row, one in idle),
        *(_line(f"`{row.shown}`, sending", one) for row, one in busy),
        "",
        *prose(
            f"{sum(total.values()):,} answers: {errors} errors of the server, {total[429]:,} times "
            f'"too many requests" (429), {sum(one.broken for one in everything)} broken '
            "connections."
        ),
        surroundings("uvicorn", "starlette"),
    ]


def _line(shown: str, heard: Heard) -> str:
    statuses = ", ".join(
        f"{status}: {times:,}" for status, times in sorted(heard.statuses.items())
    )
    rate = sum(heard.statuses.values()) / heard.seconds
    p50, p99 = heard.wait_ms(0.5), heard.wait_ms(0.99)
    return f"| {shown} | {rate:,.0f} | {p50:.0f} ms | {p99:.0f} ms | {statuses} |"


def main(*, quick: bool) -> None:
    """Measure, and write or only show the section."""
    seconds = 3.0 if quick else ROW_S
    with tempfile.TemporaryDirectory() as name:
        made = Path(name) / "made"
        made.mkdir()
        workshop(made, READERS)
        settings = SETTINGS.replace("[sender]", 'site_url = "https://quay.example.org"\n[sender]')
        (made / "newsletter.toml").write_text(settings + MORE, encoding="utf-8")
        run(broadsheet(made, "build", str(made / "issues" / f"{ISSUE}.txt")))
        run(broadsheet(made, "approve", ISSUE))
        run(broadsheet(made, "feeds"))
        busy = measure(Path(shutil.copytree(made, Path(name) / "busy")), seconds, sending=True)
        idle = measure(made, seconds, sending=False)
    lines = section(idle, busy)
    if quick:
        sys.stdout.write("\n".join(lines) + "\n")
    else:
        sys.stdout.write(write_section("Two hundred at once", lines))


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])
