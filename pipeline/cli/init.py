"""broadsheet init."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click


@click.command(epilog="Example: broadsheet init letter && cd letter && broadsheet build")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
def init(folder: Path) -> None:
    """Make a new workspace in FOLDER: settings, a first issue, .gitignore.

    Nothing that is there already is touched, and nothing can be mailed from it yet: its sender
    writes messages to a folder.
    """
    from pipeline.operations.init import Init

    for file in Init(today=datetime.now().astimezone().date())(folder):
        click.echo(file)
    click.echo(
        f"next: edit {folder / 'newsletter.toml'}, then run `broadsheet build` in {folder}",
        err=True,
    )
