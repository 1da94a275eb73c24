"""broadsheet new."""

from __future__ import annotations

from datetime import datetime

import click

from pipeline.cli.place import Place, pass_place


@click.command(epilog='Example: broadsheet new "The harbour freezes over"')
@click.argument("title")
@pass_place
def new(place: Place, title: str) -> None:
    """Start an issue file called TITLE with the next free number."""
    from pipeline.operations.init import NewIssue

    app = place.app()
    folder = app.root / app.settings.paths.issues
    today = datetime.now(app.zone).date()
    click.echo(NewIssue(folder=folder, today=today)(title))
