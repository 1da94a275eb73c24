"""Plug-ins by name: the built-ins, an import path, and what a miss says."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from pipeline.errors import ConfigError, UnknownPluginError
from pipeline.plugins import BUILT_IN, installed, load, load_all

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_the_table_of_built_ins_is_what_the_package_declares() -> None:
    """There is one list of built-ins, written in two places that cannot drift."""
    declared = tomllib.loads(PYPROJECT.read_text())["project"]["entry-points"]

    assert declared == {f"pipeline.{group}": dict(names) for group, names in BUILT_IN.items()}


@pytest.mark.parametrize(
    ("group", "name"), [(group, name) for group, names in BUILT_IN.items() for name in names]
)
def test_every_built_in_loads(group: str, name: str) -> None:
    """No name leads nowhere."""
    assert load(group, name) is not None


def test_a_colon_means_an_import_path() -> None:
    """A file nobody packaged works at once."""
    assert load("senders", "pipeline.senders.console:build") is load("senders", "console")


def test_an_unknown_name_lists_what_is_installed() -> None:
    """The message is a menu."""
    with pytest.raises(UnknownPluginError, match="smtp, eml, console"):
        load("senders", "pigeon")


@pytest.mark.parametrize("name", ["no_such_module:build", "pipeline.senders.console:nothing"])
def test_a_plug_in_that_does_not_import_says_so(name: str) -> None:
    """The cause is in the message, and it is a mistake of configuration."""
    with pytest.raises(ConfigError, match="does not load"):
        load("senders", name)


def test_built_ins_come_first_and_once() -> None:
    """They are declared as entry points too, and are not listed twice."""
    names = [plugin.name for plugin in installed("formats")]

    assert names[:3] == list(BUILT_IN["formats"])
    assert len(set(names)) == len(names)
    assert len(load_all("formats")) == len(names)
