"""broadsheet approve."""

from __future__ import annotations

import getpass

import click

from pipeline.cli.place import Place, pass_place


@click.command(epilog="Example: broadsheet approve 091")
@click.argument("entry")
@click.option("--by", help="Who approves  [default: your login name]")
@pass_place
def approve(place: Place, entry: str, by: str | None) -> None:
    """Say that an outbox ENTRY may be sent exactly as it stands.

    The approval is bound to the digest of every part: build a changed issue again, and it has to
    be approved again. It is a file in the entry's folder, so it can be reviewed and committed.
    """
    app = place.app()
    found, approval = app.approve()(app.entry_named(entry), by=by or getpass.getuser())
    click.echo(f"{found.id}\tapproved\t{approval.digest[:12]}\t{found.subject}")
    click.echo(f"approved by {approval.approved_by}; any edit voids it", err=True)
