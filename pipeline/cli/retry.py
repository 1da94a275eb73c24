"""broadsheet retry."""

from __future__ import annotations

import click

from pipeline.cli.confirm import confirm_people
from pipeline.cli.place import Place, pass_place
from pipeline.model.delivery import DeliveryStatus
from pipeline.model.dispatch import DispatchId


@click.command(epilog="Example: broadsheet retry 3 --uncertain --confirm 2")
@click.argument("dispatch", type=int)
@click.option("--uncertain", "arrived", flag_value=False, type=bool, help="Send them again")
@click.option("--arrived", "arrived", flag_value=True, type=bool, help="They did arrive")
@click.option("--confirm", type=int, metavar="N", help="Number of people, for scripts")
@pass_place
def retry(place: Place, dispatch: int, arrived: bool | None, confirm: int | None) -> None:
    """Decide about the uncertain deliveries of DISPATCH.

    Their message may have arrived. With --uncertain they get it (again) at the next
    `broadsheet send` or tick, under the same Message-ID; with --arrived they count as accepted.
    """
    if arrived is None:
        raise click.UsageError("say --uncertain to send them again, or --arrived")
    app = place.app()
    id_ = DispatchId(dispatch)
    people = app.dispatches.counts(id_).by_status[DeliveryStatus.UNCERTAIN]
    if people and not arrived:
        confirm_people(place, people, confirm)
    count = app.resolve_uncertain()(id_, arrived=arrived)
    entry = app.dispatches.get(id_).entry
    what = "accepted" if arrived else f"pending; go on with: broadsheet send {entry}"
    click.echo(f"dispatch {id_}\t{count} uncertain deliveries are {what}")
