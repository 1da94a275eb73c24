"""One million readers: does memory stay flat, and does the rate hold?"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.page import prose
from tests.bench.sinks import running_sink
from tests.bench.workshop import ISSUE, broadsheet, environment, summary, workshop

READERS: Final = 1_000_000
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the sending process."""

    at_s: float  # since it was started
    resident_bytes: int
    accepted: int  # by the sink


def million(usual_rate: float, readers: int = READERS) -> list[str]:
    """Send to so many readers, and return the lines of the section.

    Args:
        usual_rate: messages a second with 20,000 readers, to hold the rate against.
        readers: how many.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begun = time.perf_counter()
        workshop(folder, readers)
        made_s = time.perf_counter() - begun
        samples, told = _send(folder, readers)
    first = next(one for one in samples if one.accepted)
    early = next(one for one in samples if one.accepted >= readers // 10)
    rate = readers / told["seconds"] if told else readers / (samples[-1].at_s - first.at_s)
    return [
        *prose(
            f"`broadsheet send {ISSUE} --confirm {readers}` with uvloop to a fresh `smtp-sink`, "
            f"which counted {samples[-1].accepted:,}. Memory is resident memory of the whole "
            "process, read from /proc each second."
        ),
        "| what | measured |",
        "|---|---:|",
        f"| workspace made, {readers:,} readers imported | {made_s:.0f} s |",
        f"| from the start of the command to the first messages | {first.at_s:.0f} s |",
        f"| messages/s | {rate:,.0f} |",
        f"| beside the rate with few readers | {rate / usual_rate:.2f} x |",
        f"| memory when 10 % are accepted | {early.resident_bytes / 1e6:.0f} MB |",
        f"| memory at the end | {samples[-1].resident_bytes / 1e6:.0f} MB |",
        f"| memory at most | {max(one.resident_bytes for one in samples) / 1e6:.0f} MB |",
    ]


def _send(folder: Path, readers: int) -> tuple[list[Sample], dict[str, Any] | None]:
    """Send, looking each second.

    Raises:
        RuntimeError: it failed, or the sink counted another number.
    """
    command = broadsheet(folder, "send", ISSUE, "--confirm", str(readers))
    samples: list[Sample] = []
    with running_sink() as sink, tempfile.TemporaryFile() as said:
        begun = time.perf_counter()
        with subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=environment(sink.port, "uvloop"),
        ) as process:
            while process.poll() is None:
                resident = _resident(process.pid)
                if resident:
                    at_s = time.perf_counter() - begun
                    samples.append(Sample(at_s, resident, sink.accepted()))
                time.sleep(1.0)  # the distance of two looks
        samples.append(Sample(samples[-1].at_s, samples[-1].resident_bytes, sink.accepted()))
        said.seek(0)
        words = said.read()
    if process.returncode or samples[-1].accepted != readers:
        raise RuntimeError(
            f"{process.returncode}, {samples[-1].accepted} accepted: {words.decode()[-2000:]}"
        )
    return samples, summary(words)


def _resident(pid: int) -> int:
    """Return the bytes of a process in memory; 0 when it ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0
