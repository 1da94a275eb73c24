"""Measures sending, beside Postfix's smtp-source and beside smtplib, for docs/benchmarks.md.

    python tests/bench/send.py [--quick] [--no-million]

Every contender gets a fresh smtp-sink in every round, and the rounds go through all of them in
turn, so that a busy spell of the machine falls on all.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.million import million
from tests.bench.page import ROOT, prose, surroundings, write_section
from tests.bench.sinks import Ran, run, running_sink
from tests.bench.workshop import (
    CONNECTIONS,
    ISSUE,
    Workshop,
    broadsheet,
    environment,
    summary,
    workshop,
)

USUAL: Final = 500  # messages by smtplib: it would take minutes for all
LIBRARIES: Final = ("uvloop", "sqlalchemy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one contender did in one round; times in microseconds a message."""

    rate: float  # messages a second, whole process
    cpu: float
    sink_cpu: float
    sending_rate: float  # the delivery alone, where the contender tells it apart
    sending_cpu: float


def smtp_source(shop: Workshop, port: int, folder: Path) -> tuple[int, Ran]:
    """Send the same bytes to everybody from C: the yardstick."""
    del folder
    command = ["smtp-source", "-s", str(CONNECTIONS), "-m", str(shop.readers), "-d"]
    return shop.readers, run([*command, "-F", str(shop.message), f"127.0.0.1:{port}"])


def floor(shop: Workshop, port: int, folder: Path) -> tuple[int, Ran]:
    """Send one and the same message with nothing but uvloop: what is left for everything else."""
    del folder
    arguments = [str(port), str(shop.readers), str(shop.message)]
    command = [sys.executable, "-m", "tests.bench.floor", *arguments]
    return shop.readers, run(command, {**os.environ, "PYTHONPATH": str(ROOT)})


def usual(shop: Workshop, port: int, folder: Path) -> tuple[int, Ran]:
    """Send with smtplib and EmailMessage."""
    del folder
    script = str(Path(__file__).with_name("usual.py"))
    return USUAL, run([sys.executable, script, str(port), str(USUAL), str(shop.entry)])


def ours(loop: str) -> Callable[[Workshop, int, Path], tuple[int, Ran]]:
    """Send with `broadsheet send`: database, journal, ledger and all."""

    def send(shop: Workshop, port: int, folder: Path) -> tuple[int, Ran]:
        copy = shop.copy(folder / "copy")
        command = broadsheet(copy, "send", ISSUE, "--confirm", str(shop.readers))
        return shop.readers, run(command, environment(port, loop))

    return send


YARDSTICK: Final = f"smtp-source -s {CONNECTIONS} -d -F message"
CONTENDERS: Final = {
    YARDSTICK: smtp_source,
    "uvloop alone (tests/bench/floor.py)": floor,
    "broadsheet send (asyncio)": ours("asyncio"),
    "broadsheet send (uvloop)": ours("uvloop"),
    "smtplib + EmailMessage": usual,
}


def one_round(name: str, shop: Workshop) -> Round:
    """Run one contender against a fresh sink, and count at the sink.

    Raises:
        RuntimeError: the sink counted another number of messages.
    """
    with tempfile.TemporaryDirectory() as folder:
        with running_sink() as sink:
            count, ran = CONTENDERS[name](shop, sink.port, Path(folder))
            accepted = sink.accepted()
        if accepted != count:
            raise RuntimeError(f"{name} sent {count}, smtp-sink counted {accepted}")
    told = summary(ran.said)
    return Round(
        rate=count / ran.seconds,
        cpu=ran.cpu_s / count * 1e6,
        sink_cpu=sink.cpu_s / count * 1e6,
        sending_rate=count / (told["seconds"] if told else ran.seconds),
        sending_cpu=(told["cpu_seconds"] if told else ran.cpu_s) / count * 1e6,
    )


def table(rounds: dict[str, list[Round]]) -> list[str]:
    """Return the table of medians, each beside the yardstick's."""
    medians = {name: _median(taken) for name, taken in rounds.items()}
    base = medians[YARDSTICK]
    lines = [
        "| sender | messages/s | ratio | CPU | ratio | whole: messages/s | ratio | CPU | sink |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, one in medians.items():
        lines.append(
            f"| `{name}` | {one.sending_rate:,.0f} | {one.sending_rate / base.sending_rate:.2f} x"
            f" | {one.sending_cpu:.0f} us | {one.sending_cpu / base.sending_cpu:.2f} x"
            f" | {one.rate:,.0f} | {one.rate / base.rate:.2f} x"
            f" | {one.cpu:.0f} us | {one.sink_cpu:.0f} us |"
        )
    slow = medians["smtplib + EmailMessage"]
    ours_only = [one for name, one in medians.items() if name.startswith("broadsheet")]
    sending = max(one.sending_rate for one in ours_only)
    whole = max(one.rate for one in ours_only)
    at_best = (
        f"`broadsheet send` at its best is {sending / slow.sending_rate:.0f} x"
        f" smtplib + EmailMessage, {whole / slow.rate:.0f} x with its start and its preparing."
    )
    return [*lines, "", at_best]


def _median(taken: list[Round]) -> Round:
    return Round(
        rate=statistics.median(one.rate for one in taken),
        cpu=statistics.median(one.cpu for one in taken),
        sink_cpu=statistics.median(one.sink_cpu for one in taken),
        sending_rate=statistics.median(one.sending_rate for one in taken),
        sending_cpu=statistics.median(one.sending_cpu for one in taken),
    )


def postfix_version() -> str:
    """Return the version of Postfix whose tools are used."""
    said = subprocess.run(["postconf", "-d", "-h", "mail_version"], capture_output=True, text=True)  # noqa: PLW1510 - postconf is not vital
    return said.stdout.strip() or "of unknown version"


def main() -> None:
    """Measure, write the sections, and show them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of 2,000; nothing written")
    parser.add_argument("--no-million", action="store_true", help="leave the million readers out")
    asked = parser.parse_args()
    if not shutil.which("smtp-source"):
        sys.stderr.write("sending is not measured: no smtp-source here; apt-get install postfix\n")
        return
    readers, rounds = (2_000, 1) if asked.quick else (20_000, 5)
    with tempfile.TemporaryDirectory() as folder:
        shop = workshop(Path(folder), readers)
        taken: dict[str, list[Round]] = {name: [] for name in CONTENDERS}
        for _ in range(rounds):
            for name in CONTENDERS:
                taken[name].append(one_round(name, shop))
        size = (shop.entry / "message.eml").stat().st_size
    lines = [
        *prose(
            f"`tests/bench/send.py`: {readers:,} readers, a message of {size / 1000:.0f} KB (the "
            f"sample issue `{ISSUE}`), {CONNECTIONS} connections, and for each run a fresh "
            f"`smtp-sink -c` of Postfix {postfix_version()}, which counts what it took; medians "
            f"of {rounds} rounds in turn. Ours are `broadsheet send {ISSUE} --confirm {readers}`: "
            "each message personalised; database, journal and ledger on. The first columns are "
            "the delivery alone, the others the whole process with its start and its preparing; "
            "CPU is that of a message, the last column that of the sink. "
            f"smtplib sends {USUAL} over one connection."
        ),
        *table(taken),
        "",
        surroundings(*LIBRARIES),
    ]
    if asked.quick:
        sys.stdout.write("\n".join(lines) + "\n")
        return
    sys.stdout.write(write_section("Sending", lines))
    if not asked.no_million:
        best = statistics.median(one.sending_rate for one in taken["broadsheet send (uvloop)"])
        sys.stdout.write(write_section("A million readers", million(best)))


if __name__ == "__main__":
    main()
