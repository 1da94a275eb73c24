"""The options that say whom an entry goes to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from pipeline.model.subscriber import MAIN_NAME

Command = TypeVar("Command", bound=Callable[..., Any])


def audience_options(command: Command) -> Command:
    """Add `--list` and `--where`, which arrive as `list_name` and `rule`."""
    where = click.option(
        "--where",
        "rule",
        default="",
        metavar="RULE",
        help="Only those a rule picks, or a segment of the settings: docs/segments.md",
    )
    list_ = click.option(
        "--list", "list_name", default=MAIN_NAME, show_default=True, help="A list of the settings"
    )
    return list_(where(command))
