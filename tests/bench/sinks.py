"""Postfix's smtp-sink as a process that counts, and other processes with what they cost."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BACKLOG: Final = "256"
_COUNTED = re.compile(rb"mesg=(\d+)")


@dataclass(slots=True)
class Sink:
    """A running smtp-sink."""

    port: int
    counters: str  # file it writes its counters to
    pid: int
    cpu_s: float = 0.0  # known when it ended

    def accepted(self) -> int:
        """Return how many messages it has taken, by its own count."""
        with open(self.counters, "rb") as file:  # noqa: PTH123 - read from its end
            file.seek(max(0, os.path.getsize(self.counters) - 4096))  # noqa: PTH202
            counted = _COUNTED.findall(file.read())
        return int(counted[-1]) if counted else 0


@contextmanager
def running_sink() -> Iterator[Sink]:
    """Run a fresh `smtp-sink -c` on loopback; afterwards its CPU time is known."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    person = ["-u", "nobody"] if os.geteuid() == 0 else []
    with tempfile.NamedTemporaryFile() as counters:
        process = subprocess.Popen(
            ["smtp-sink", *person, "-c", f"127.0.0.1:{port}", BACKLOG], stdout=counters
        )
        sink = Sink(port=port, counters=counters.name, pid=process.pid)
        _await_greeting(port)
        try:
            yield sink
        finally:
            process.terminate()
            _, _, used = os.wait4(process.pid, 0)
            process.returncode = 0
            sink.cpu_s = used.ru_utime + used.ru_stime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A process that ended, and what it cost."""

    seconds: float
    cpu_s: float
    peak_bytes: int  # resident memory
    said: bytes  # on stderr


def run(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    folder: Path | None = None,
) -> Ran:
    """Run a command to its end, in `folder`.

    Raises:
        RuntimeError: it failed; a figure of it would mean nothing.
    """
    with tempfile.TemporaryFile() as said:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=said, env=environment, cwd=folder
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        words = said.read()
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}: {words.decode()[-2000:]}")
    return Ran(
        seconds=seconds,
        cpu_s=used.ru_utime + used.ru_stime,
        peak_bytes=used.ru_maxrss * 1024,
        said=words,
    )


def _await_greeting(port: int) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as line:
                line.recv(100)
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)  # polling another process
