"""broadsheet status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.output import emit, output_option
from pipeline.cli.place import Place, pass_place
from pipeline.errors import StorageError
from pipeline.model.delivery import DeliveryStatus
from pipeline.model.dispatch import Dispatch, DispatchId
from pipeline.model.subscriber import MAIN_NAME

if TYPE_CHECKING:
    from pipeline.app import App
    from pipeline.storage.dispatches import Dispatches

_COUNTED = tuple(DeliveryStatus)
_WHO = ("address", "status", "attempts", "code", "reply")


@click.command(epilog="Example: broadsheet status 3 --uncertain")
@click.argument("dispatch", type=int, required=False)
@click.option("--failed", "wanted", flag_value="refused", help="List the people refused")
@click.option("--deferred", "wanted", flag_value="deferred", help="List the people put off")
@click.option("--uncertain", "wanted", flag_value="uncertain", help="List the uncertain")
@click.option("--all", "wanted", flag_value="all", help="List everybody")
@output_option
@pass_place
def status(place: Place, dispatch: int | None, wanted: str | None, output: str | None) -> None:
    """Show every dispatch, or one DISPATCH and the people behind each number.

    The numbers of a dispatch always add up to the size of its audience.
    """
    app = place.app()
    dispatches = app.dispatches
    if wanted and dispatch is None:
        raise click.UsageError("of which dispatch? `broadsheet status` lists them")
    _bring_up_to_date(app, dispatches.all())
    if wanted and dispatch is not None:
        only = None if wanted == "all" else DeliveryStatus(wanted)
        emit(_people(dispatches, DispatchId(dispatch), only), _WHO, output, key="address")
        return
    chosen = [dispatches.get(DispatchId(dispatch))] if dispatch else dispatches.all()
    rows = [{**_row(dispatches, one.id), "when": _when(app, one)} for one in chosen]
    columns = ["dispatch", "entry", "state", "people", "accepted"]
    if any(row["audience"] != MAIN_NAME for row in rows):
        columns.insert(2, "audience")
    columns += [
        name
        for name in (*(status.value for status in _COUNTED), "excluded")
        if name != "accepted" and any(row[name] for row in rows)
    ]
    emit(rows, [*columns, "when", "note"], output, key="dispatch")
    if not rows:
        click.echo("nothing was dispatched yet", err=True)


def _bring_up_to_date(app: App, found: Iterable[Dispatch]) -> None:
    """Count what a killed sender did, too; numbers a moment old are better than none."""
    recover = app.recover()
    for one in found:
        try:
            recover(one.id)
        except StorageError as error:
            click.echo(f"dispatch {one.id}: the last outcomes are missing: {error}", err=True)


def _when(app: App, one: Dispatch) -> str:
    """Say when it ended, else when it began, else when it is due."""
    from pipeline.schedule.when import describe

    moment = one.finished_at or one.started_at or one.due_at
    return describe(moment, app.settings.schedule.zone, app.clock())


def _row(dispatches: Dispatches, id_: DispatchId) -> dict[str, Any]:
    one, counts = dispatches.get(id_), dispatches.counts(id_)
    return {
        "dispatch": one.id,
        "entry": one.entry,
        "audience": one.audience,
        "state": one.state.value,
        "due_at": one.due_at.isoformat(),
        "started_at": one.started_at.isoformat() if one.started_at else None,
        "finished_at": one.finished_at.isoformat() if one.finished_at else None,
        "digest": one.digest,
        "people": counts.people,
        **{status.value: counts.by_status[status] for status in _COUNTED},
        "excluded": sum(counts.excluded.values()),
        "excluded_by_reason": dict(counts.excluded),
        "balances": counts.balances,
        "note": one.note or "",
    }


def _people(
    dispatches: Dispatches, id_: DispatchId, only: DeliveryStatus | None
) -> Iterator[dict[str, Any]]:
    for record in dispatches.deliveries(id_, only):
        yield {
            "id": record.id,
            "address": record.address,
            "name": record.name,
            "status": record.status.value,
            "attempts": record.attempts,
            "due_at": record.due_at.isoformat() if record.due_at else None,
            "code": record.code,
            "reply": record.reply,
        }
