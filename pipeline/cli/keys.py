"""broadsheet keys."""

from __future__ import annotations

import click

from pipeline.cli.place import Place, pass_place


@click.group(epilog="Example: broadsheet keys rotate")
def keys() -> None:
    """Change the keys that sign links."""


@keys.command("rotate", epilog="Example: broadsheet keys rotate")
@pass_place
def rotate_(place: Place) -> None:
    """Make a new key that signs all links from now on.

    Links that were sent go on working: unsubscribe links must for as long as the mail exists. Do
    it while nothing is sent, and start `broadsheet serve` again afterwards: a process that runs
    does not know the new key, and would take its links for forged ones.
    """
    rotate = place.app().rotate_keys()
    number = rotate()
    click.echo(f"key {number} signs from now on; start `broadsheet serve` again", err=True)
    click.echo(
        f"put the new {rotate.file.name} into the backup: older keys are in it, too", err=True
    )
