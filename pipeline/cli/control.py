"""broadsheet pause, resume and cancel."""

from __future__ import annotations

import click

from pipeline.cli.place import Place, pass_place
from pipeline.errors import NotConfirmed
from pipeline.model.dispatch import DispatchId


@click.command(epilog='Example: broadsheet pause 3 --reason "wrong link in the second story"')
@click.argument("dispatch", type=int)
@click.option("--reason", default="paused by a person", show_default=True)
@pass_place
def pause(place: Place, dispatch: int, reason: str) -> None:
    """Stop DISPATCH before its next message; nobody is blamed."""
    done = place.app().control().pause(DispatchId(dispatch), reason=reason)
    click.echo(f"dispatch {done.id}\t{done.state}\tgo on with: broadsheet resume {done.id}")


@click.command(epilog="Example: broadsheet resume 3")
@click.argument("dispatch", type=int)
@pass_place
def resume(place: Place, dispatch: int) -> None:
    """Let a paused DISPATCH go on, or a missed one start.

    The messages leave with `broadsheet send ENTRY`, or at the next tick of `broadsheet serve`.
    """
    done = place.app().control().resume(DispatchId(dispatch))
    click.echo(f"dispatch {done.id}\t{done.state}\t{done.entry}")


@click.command(epilog="Example: broadsheet cancel 3 --yes")
@click.argument("dispatch", type=int)
@click.option("--reason", default="cancelled by a person", show_default=True)
@click.option("--yes", is_flag=True, help="Do not ask")
@pass_place
def cancel(place: Place, dispatch: int, reason: str, *, yes: bool) -> None:
    """Give DISPATCH up: whoever has nothing yet will get nothing. It cannot be taken back."""
    control = place.app().control()
    if not yes and (
        place.no_input or not click.confirm(f"Give up dispatch {dispatch}?", err=True)
    ):
        raise NotConfirmed(f"dispatch {dispatch} was not cancelled; a script adds --yes")
    done = control.cancel(DispatchId(dispatch), reason=reason)
    click.echo(f"dispatch {done.id}\t{done.state}\t{done.entry}")
