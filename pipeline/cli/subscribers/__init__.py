"""broadsheet subscribers."""

from __future__ import annotations

import click

from pipeline.cli.subscribers.bringing import import_
from pipeline.cli.subscribers.changing import add, erase, remove, suppress, tag, untag
from pipeline.cli.subscribers.looking import export, list_, show, stats


@click.group(epilog="Example: broadsheet subscribers import people.csv --dry-run")
def subscribers() -> None:
    """Add, import and look at the people who get the newsletter."""


for _command in (list_, show, stats, add, import_, tag, untag, remove, suppress, erase, export):
    subscribers.add_command(_command)
