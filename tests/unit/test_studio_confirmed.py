"""What one confirms is a message and the way it leaves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.studio_desk import OURS, saved, studio, workspace


def test_another_way_out_is_asked_about_again(tmp_path: Path) -> None:
    """A file on this machine was confirmed; a relay was not, although the message is the same."""
    root = workspace(tmp_path)
    settings = root / "newsletter.toml"
    data = {"address": "me@example.org"}
    with studio(root) as client:
        asked = client.post("/issues/first.md/test", data=data, headers=OURS)
        sure = re.search(r'name="sure" value="([0-9a-f]+)"', asked.text)
        assert sure is not None
        settings.write_text(
            settings.read_text()
            + '[sender]\nkind = "smtp"\nhost = "127.0.0.1"\nport = 1\ntls = "none"\n'
        )
        saved(client)

        answer = client.post("/issues/first.md/test", data=data | {"sure": sure[1]}, headers=OURS)

        assert "It did not leave" not in answer.text  # nobody knocked at port 1
        assert "look at it once more" in answer.text
        assert "smtp" in answer.text


@pytest.mark.parametrize("sure", ["", "0" * 64, "x"])
def test_nothing_leaves_for_a_confirmation_of_something_else(tmp_path: Path, sure: str) -> None:
    """The field has to name what is there; being there is not enough."""
    root = workspace(tmp_path)
    with studio(root) as client:
        data = {"address": "me@example.org", "sure": sure}
        answer = client.post("/issues/first.md/test", data=data, headers=OURS)

    assert "look at it once more" in answer.text
    assert not list(root.glob("data/sent/*.eml"))
