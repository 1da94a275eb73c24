"""broadsheet subscribers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.output import emit, output_option
from pipeline.cli.place import Place, pass_place
from pipeline.errors import ConfigError
from pipeline.model.subscriber import SubscriberState, SuppressionReason

if TYPE_CHECKING:
    from pipeline.audience.importing import ImportReport

_PARTLY_DONE = 5


@click.group(epilog="Example: broadsheet subscribers import people.csv --dry-run")
def subscribers() -> None:
    """Add, import and look at the people who get the newsletter."""


@subscribers.command("list", epilog="Example: broadsheet subscribers list --state active")
@click.option("--state", type=click.Choice([state.value for state in SubscriberState]))
@output_option
@pass_place
def list_(place: Place, state: str | None, output: str | None) -> None:
    """List subscribers in the order they came."""
    chosen = SubscriberState(state) if state else None
    rows = (
        {
            "id": person.id,
            "address": person.address,
            "name": person.name,
            "state": person.state.value,
            "since": person.created_at.date().isoformat(),
        }
        for person in place.app().subscribers.all(chosen)
    )
    emit(rows, ("address", "name", "state", "since"), output, key="address")


@subscribers.command(epilog="Example: broadsheet subscribers stats --output json")
@output_option
@pass_place
def stats(place: Place, output: str | None) -> None:
    """Count subscribers by state, and suppressed addresses by reason."""
    app = place.app()
    rows = [
        {"what": "subscriber", "kind": state.value, "count": count}
        for state, count in app.subscribers.count().items()
    ] + [
        {"what": "suppression", "kind": reason.value, "count": count}
        for reason, count in app.suppressions.count().items()
        if count
    ]
    emit(rows, ("what", "kind", "count"), output, key="kind")


@subscribers.command(
    epilog='Example: broadsheet subscribers add me@example.org --source "asked me"'
)
@click.argument("address")
@click.option("--name", default="", help="How to greet them in To")
@click.option("--source", required=True, help="How they agreed; kept as proof")
@pass_place
def add(place: Place, address: str, name: str, source: str) -> None:
    """Add one ADDRESS whose owner agreed."""
    standing = place.app().subscribe().add(address, name=name, source=source)
    click.echo(f"{address}\t{standing}")


@subscribers.command(epilog="Example: broadsheet subscribers remove me@example.org")
@click.argument("address")
@click.option("--source", default="asked us", show_default=True, help="Why; kept on record")
@pass_place
def remove(place: Place, address: str, source: str) -> None:
    """Unsubscribe ADDRESS; no later import brings it back."""
    found = place.app().subscribe().remove(address, source=source)
    click.echo(f"{found.address}\tunsubscribed")


@subscribers.command(epilog="Example: broadsheet subscribers suppress me@example.org")
@click.argument("address")
@click.option(
    "--reason",
    type=click.Choice([reason.value for reason in SuppressionReason]),
    default=SuppressionReason.MANUAL.value,
    show_default=True,
)
@pass_place
def suppress(place: Place, address: str, reason: str) -> None:
    """Never write to ADDRESS again, whoever imports or adds it."""
    place.app().subscribe().suppress(address, SuppressionReason(reason))
    click.echo(f"{address}\tsuppressed\t{reason}")


@subscribers.command(epilog="Example: broadsheet subscribers export > people.csv")
@click.option("--state", type=click.Choice([state.value for state in SubscriberState]))
@pass_place
def export(place: Place, state: str | None) -> None:
    """Write subscribers as CSV that is safe to open in a spreadsheet."""
    from pipeline.audience.exporting import export_rows

    chosen = SubscriberState(state) if state else None
    for line in export_rows(place.app().subscribers.all(chosen)):
        sys.stdout.write(line)


@subscribers.command(
    "import", epilog='Example: broadsheet subscribers import people.csv --source "sign-up sheet"'
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", help="How these people agreed; kept as proof  [needed unless --dry-run]")
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing")
@click.option(
    "--rejects",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the rows that were not taken, with their reasons  [default: FILE.rejects.csv]",
)
@pass_place
def import_(
    place: Place, file: Path, source: str | None, rejects: Path | None, *, dry_run: bool
) -> int:
    """Bring in the people of FILE: CSV, or one address a line.

    Columns are found by their names (email, name, status ...). Whoever unsubscribed or is
    suppressed stays so. Rows that cannot be used are listed with their reason, never dropped.
    Importing the same file again changes nothing.
    """
    if not source and not dry_run:
        raise click.UsageError("how did these people agree? Add --source, or try --dry-run first")
    report = place.app().import_subscribers()(
        file, source=source or "", dry_run=dry_run, progress=_progress, warn=_warn
    )
    if sys.stderr.isatty():
        click.echo(err=True)
    _show(report)
    if report.rejects and not dry_run:
        _write_rejects(report, rejects or file.with_name(f"{file.name}.rejects.csv"))
    if dry_run:
        click.echo("dry run: nothing was changed", err=True)
    return _PARTLY_DONE if report.invalid else 0


def _progress(rows: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{rows} rows", nl=False, err=True)


def _warn(text: str) -> None:
    click.echo(click.style("warning: ", fg="yellow", bold=True) + text, err=True)


def _show(report: ImportReport) -> None:
    for name in (
        "new",
        "updated",
        "unchanged",
        "unsubscribed",
        "suppressed",
        "duplicate",
        "invalid",
    ):
        count = getattr(report, name)
        if count or name == "new":
            click.echo(f"{name}\t{count}")
    click.echo(f"total\t{report.total}")
    for reject in report.rejects[:10]:
        click.echo(f"line {reject.line}: {reject.reason}: {reject.text[:80]!r}", err=True)
    if len(report.rejects) > 10:
        click.echo(f"... and {len(report.rejects) - 10} more", err=True)


def _write_rejects(report: ImportReport, file: Path) -> None:
    from pipeline.audience.importing import reject_lines

    try:
        with file.open("w", encoding="utf-8", newline="") as stream:
            stream.writelines(reject_lines(report.rejects))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
    click.echo(f"rows not taken: {file}", err=True)
