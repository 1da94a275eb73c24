"""broadsheet schedule."""

from __future__ import annotations

from typing import Any

import click

from pipeline.cli.output import emit, output_option
from pipeline.cli.place import Place, pass_place
from pipeline.errors import ConfigError


@click.command(epilog='Example: broadsheet schedule 091 --at "friday 09:00"')
@click.argument("entry", required=False)
@click.option(
    "--at", metavar="TIME", help='"2026-11-27 09:00", "friday 09:00", "tomorrow 09:00", "in 2h"'
)
@output_option
@pass_place
def schedule(place: Place, entry: str | None, at: str | None, output: str | None) -> None:
    """Send an approved ENTRY at a given time, in the newsletter's time zone.

    Without ENTRY: show what is scheduled and the next turns of the weekly slot. The time comes
    only while `broadsheet serve` runs, or `broadsheet serve --once` from cron.
    """
    from pipeline.schedule.calendar import occurrences
    from pipeline.schedule.when import describe, parse_when

    app = place.app()
    now, zone = app.clock(), app.settings.schedule.zone
    if entry:
        if not at:
            raise click.UsageError("when? Add --at TIME, or use `broadsheet send` for now")
        try:
            due_at = parse_when(at, zone, now)
        except ValueError as error:
            raise ConfigError(f"--at: {error}") from error
        dispatch = app.schedule()(app.entry_named(entry), due_at=due_at)
        click.echo(f"dispatch {dispatch.id}\t{dispatch.entry}\t{describe(due_at, zone, now)}")
        return
    rows: list[dict[str, Any]] = [
        {"dispatch": one.id, "entry": one.entry, "state": one.state, "when": one.due_at}
        for one in reversed(app.dispatches.all())
        if one.state in {"scheduled", "missed", "paused", "sending"}
    ]
    if app.slot:
        rows += [
            {"dispatch": "", "entry": "(next approved)", "state": "slot", "when": turn.due_at}
            for turn in occurrences(app.slot, now, 5)
        ]
    emit(
        [{**row, "when": describe(row["when"], zone, now)} for row in rows],
        ("dispatch", "entry", "state", "when"),
        output,
        key="dispatch",
    )
    if not rows:
        click.echo("nothing is scheduled, and there is no weekly slot", err=True)
