"""broadsheet feeds."""

from __future__ import annotations

import click

from pipeline.cli.output import emit, output_option
from pipeline.cli.place import Place, pass_place


@click.command(epilog="Example: broadsheet feeds")
@output_option
@pass_place
def feeds(place: Place, output: str | None) -> None:
    """Write RSS, Atom, JSON Feed and a page for each published issue into site/.

    An approved issue is published from its date on; files that say the same are not rewritten.
    """
    publication = place.app().publish()()
    changed = set(publication.changed)
    emit(
        [
            {"file": str(file), "state": "written" if file in changed else "unchanged"}
            for file in publication.files
        ],
        ("file", "state"),
        output,
        key="file",
    )
    for entry in publication.waiting:
        click.echo(f"{entry.id}: waits for {entry.date}", err=True)
    if not publication.items:
        click.echo("nothing is published yet: approve an entry first", err=True)
