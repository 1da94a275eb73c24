"""An import of many people, and somebody who wants to leave meanwhile."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from time import monotonic, sleep

import pytest

from pipeline.app import App
from pipeline.model.subscriber import Consent, SubscriberState
from pipeline.settings import load

pytestmark = pytest.mark.integration

ROWS = 60_000
MOST_S = 2.0  # a mailbox provider waits longer, a person hardly
MOST_OF_IT = 0.25  # on a machine that has no time for either
SETTINGS = """
[newsletter]
name = "The Quay"
site_url = "https://quay.example.org"
from = "quay@example.org"
postal_address = "1 Quay Lane"
"""


def test_who_leaves_during_an_import_hardly_waits(tmp_path: Path) -> None:
    """Every change of another process gets the write lock in seconds, however long the import."""
    (tmp_path / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
    app = App(settings=load(tmp_path, {}), root=tmp_path, has_workspace=True)
    app.enrol().one("robin@example.org", source="asked")
    [robin] = app.subscribers.all()
    file = tmp_path / "people.csv"
    rows = (f"{n * 7919 % 1_000_003}.reader@example.net,Reader {n}\n" for n in range(ROWS))
    file.write_text("email,name\n" + "".join(rows), encoding="utf-8")
    word = Consent(action="given", method="web", source="test", at=datetime.now(UTC))
    states = cycle([SubscriberState.UNSUBSCRIBED, SubscriberState.ACTIVE])
    waits: list[float] = []

    command = [sys.executable, "-m", "pipeline", "-C", str(tmp_path), "subscribers", "import"]
    started = monotonic()
    with subprocess.Popen([*command, str(file), "--source", "sheet"]) as importing:
        while importing.poll() is None:
            begun = monotonic()
            assert app.subscribers.set_state(robin.id, next(states), word)
            waits.append(monotonic() - begun)
            sleep(0.05)  # the next one comes

    took_s = monotonic() - started
    assert importing.returncode == 0
    assert sum(app.subscribers.count().values()) == ROWS + 1
    assert len(waits) > 10
    assert max(waits) < max(MOST_S, MOST_OF_IT * took_s)
