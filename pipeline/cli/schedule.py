"""broadsheet schedule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.audience import audience_options
from pipeline.cli.output import emit, output_option
from pipeline.cli.place import Place, pass_place
from pipeline.errors import ConfigError
from pipeline.model.audience import Audience
from pipeline.model.dispatch import DispatchState

if TYPE_CHECKING:
    from pipeline.app import App

_TURNS = 5  # of the slot, behind us and ahead
_OPEN = frozenset(DispatchState) - {DispatchState.FINISHED, DispatchState.CANCELLED}


@click.command(epilog='Example: broadsheet schedule 091 --at "friday 09:00"')
@click.argument("entry", required=False)
@click.option(
    "--at", metavar="TIME", help='"2026-11-27 09:00", "friday 09:00", "tomorrow 09:00", "in 2h"'
)
@audience_options
@output_option
@pass_place
def schedule(
    place: Place,
    entry: str | None,
    at: str | None,
    list_name: str,
    rule: str,
    output: str | None,
) -> None:
    """Send an approved ENTRY at a given time, in the newsletter's time zone.

    Without ENTRY: show what is scheduled, which turns of the weekly slot went by empty and why,
    and what its next turns will send. The time comes only while `broadsheet serve` runs, or
    `broadsheet serve --once` from cron.
    """
    app = place.app()
    if entry:
        _schedule(app, entry, at, app.audience(list_name, rule))
        return
    rows = sorted((*_dispatches(app), *_past_turns(app), *_turns(app)), key=lambda row: row["at"])
    emit(
        [{**row, "when": _shown(app, row["at"])} for row in rows],
        ("state", "entry", "dispatch", "when"),
        output,
        key="entry",
    )
    if not rows:
        click.echo("nothing is scheduled, and there is no weekly slot", err=True)


def _schedule(app: App, entry: str, at: str | None, audience: Audience) -> None:
    from pipeline.schedule.when import parse_when

    if not at:
        raise click.UsageError("when? Add --at TIME, or use `broadsheet send` for now")
    try:
        due_at = parse_when(at, app.settings.schedule.zone, app.clock())
    except ValueError as error:
        raise ConfigError(f"--at: {error}") from error
    dispatch = app.schedule()(app.entry_named(entry), due_at=due_at, audience=audience)
    whom = "" if audience == Audience() else f"\t{audience}"
    click.echo(f"dispatch {dispatch.id}\t{dispatch.entry}{whom}\t{_shown(app, due_at)}")


def _dispatches(app: App) -> Iterator[dict[str, Any]]:
    for one in app.dispatches.all():
        if one.state in _OPEN:
            state = one.state.value
            yield {"state": state, "entry": one.entry, "dispatch": one.id, "at": one.due_at}


def _past_turns(app: App) -> Iterator[dict[str, Any]]:
    for turn in app.slots.recent(_TURNS):
        if turn.dispatch is None:
            yield {"state": "skipped", "entry": turn.note, "dispatch": "", "at": turn.due_at}


def _turns(app: App) -> Iterator[dict[str, Any]]:
    from pipeline.schedule.plan import Skip

    for decision in app.tick().foresee(_TURNS):
        entry = f"({decision.reason})" if isinstance(decision, Skip) else decision.entry_id
        yield {"state": "slot", "entry": entry, "dispatch": "", "at": decision.occurrence.due_at}


def _shown(app: App, moment: datetime) -> str:
    from pipeline.schedule.when import describe

    return describe(moment, app.settings.schedule.zone, app.clock())
