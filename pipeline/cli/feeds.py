"""broadsheet feeds."""

from __future__ import annotations

import click

from pipeline.cli.output import emit, output_option
from pipeline.cli.place import Place, pass_place


@click.command(epilog="Example: broadsheet feeds")
@click.option("--rebuild", is_flag=True, help="Give old pages today's look; else they keep theirs")
@click.option("--verify", is_flag=True, help="Read every entry and file, not only what changed")
@output_option
@pass_place
def feeds(place: Place, output: str | None, *, rebuild: bool, verify: bool) -> None:
    """Write the archive into site/: feeds, a page for each issue, lists, search.

    An approved issue is published from its date on. What says the same is not rewritten, and the
    page of an old issue keeps the look it was published with.
    """
    publication = place.app().publish()(rebuild=rebuild, verify=verify)
    changed, removed = set(publication.changed), set(publication.removed)
    files = dict.fromkeys((*publication.files, *publication.removed))
    emit(
        [
            {
                "file": str(file),
                "state": "removed"
                if file in removed
                else "written"
                if file in changed
                else "unchanged",
            }
            for file in files
        ],
        ("file", "state"),
        output,
        key="file",
    )
    for entry in publication.waiting:
        click.echo(f"{entry.id}: waits for {entry.date}", err=True)
    if not publication.items:
        click.echo("nothing is published yet: approve an entry first", err=True)
    hub = publication.pinged
    if hub.problem:
        click.echo(f"the hub was not reached and will be asked again: {hub.problem}", err=True)
    for feed in hub.given_up:
        click.echo(f"{feed}: the hub never answered; given up", err=True)
