from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.audience.secrets import Keys, load_secrets
from pipeline.audience.tokens import Action, Ticket, Tokens
from pipeline.cli.keys import keys
from pipeline.cli.place import Place
from pipeline.errors import ConfigError
from pipeline.model.subscriber import MAIN, SubscriberId


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give a workspace without any data yet."""
    (tmp_path / "newsletter.toml").write_text("", encoding="utf-8")
    return Place(workspace=str(tmp_path), no_input=True)


def test_links_that_were_sent_outlive_their_key(tmp_path: Path, place: Place) -> None:
    """The new key signs, and the old one is still believed; no secret is printed."""
    file = tmp_path / "data" / "secret.key"
    old = Tokens(Keys(load_secrets(file))).mint(Action.UNSUBSCRIBE, SubscriberId(7))

    done = CliRunner().invoke(keys, ["rotate"], obj=place, catch_exceptions=False)

    secrets = load_secrets(file, create=False)
    new = Tokens(Keys(secrets))
    assert done.exit_code == 0
    assert "key 2 signs" in done.output
    assert not any(secret.hex() in done.output for secret in secrets)
    assert new.read(old) == Ticket(Action.UNSUBSCRIBE, SubscriberId(7), MAIN)
    assert new.mint(Action.UNSUBSCRIBE, SubscriberId(7)) != old


def test_a_workspace_without_a_key_is_given_none(tmp_path: Path, place: Place) -> None:
    """The first one is made with the database, and never beside an old one."""
    with pytest.raises(ConfigError, match="missing"):
        CliRunner().invoke(keys, ["rotate"], obj=place, catch_exceptions=False)

    assert not (tmp_path / "data").exists()
