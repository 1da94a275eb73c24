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

    Links that were sent go on working: unsubscribe links must for as long as the mail exists. A
    `broadsheet serve` that runs reads links of the new key at once, and signs with it when it is
    started again.
    """
    rotate = place.app().rotate_keys()
    number = rotate()
    click.echo(f"key {number} signs from now on", err=True)
    click.echo(
        f"put the new {rotate.file.name} into the backup: older keys are in it, too", err=True
    )
