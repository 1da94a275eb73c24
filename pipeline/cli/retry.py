"""broadsheet retry."""

from __future__ import annotations

import click

from pipeline.cli.confirm import confirm_people
from pipeline.cli.place import Place, pass_place
from pipeline.model.delivery import DeliveryStatus
from pipeline.model.dispatch import DispatchId

_SENT_AGAIN = {"uncertain": DeliveryStatus.UNCERTAIN, "failed": DeliveryStatus.REFUSED}


@click.command(epilog="Example: broadsheet retry 3 --failed --confirm 2")
@click.argument("dispatch", type=int)
@click.option("--failed", "who", flag_value="failed", help="Send to the refused once more")
@click.option("--uncertain", "who", flag_value="uncertain", help="Send the uncertain again")
@click.option("--arrived", "who", flag_value="arrived", help="The uncertain did arrive")
@click.option("--confirm", type=int, metavar="N", help="Number of people, for scripts")
@pass_place
def retry(place: Place, dispatch: int, who: str | None, confirm: int | None) -> None:
    """Send to the people of DISPATCH again whom it did not reach, and to nobody else.

    The message of the uncertain may have arrived: with --uncertain they get it (again) under the
    same Message-ID, with --arrived they count as accepted. What is to be sent leaves with
    `broadsheet send`, or at the next tick of `broadsheet serve`.
    """
    if who is None:
        raise click.UsageError("say who: --failed, --uncertain or --arrived")
    app = place.app()
    id_ = DispatchId(dispatch)
    from_ = _SENT_AGAIN.get(who, DeliveryStatus.UNCERTAIN)
    people = app.dispatches.counts(id_).by_status[from_]
    if people and who in _SENT_AGAIN:
        confirm_people(place, people, confirm)
    to = DeliveryStatus.PENDING if who in _SENT_AGAIN else DeliveryStatus.ACCEPTED
    count = app.reopen()(id_, from_, to)
    entry = app.dispatches.get(id_).entry
    now = f"pending; go on with: broadsheet send {entry}" if who in _SENT_AGAIN else "accepted"
    click.echo(f"dispatch {id_}\t{count} {from_} deliveries are {now}")
