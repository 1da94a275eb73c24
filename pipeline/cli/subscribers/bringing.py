"""broadsheet subscribers import."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

from pipeline.cli.place import Place, pass_place
from pipeline.cli.subscribers.choosing import list_option, tags
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.audience.columns import Wanted
    from pipeline.audience.importing import ImportReport

_PARTLY_DONE = 5
_COUNTED = ("new", "updated", "unchanged", "unsubscribed", "suppressed", "duplicate", "invalid")
_SHOWN = 10


@click.command(
    "import", epilog='Example: broadsheet subscribers import people.csv --source "sign-up sheet"'
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", help="How these people agreed; kept as proof  [needed unless --dry-run]")
@click.option(
    "--map",
    "mapped",
    multiple=True,
    metavar="COLUMN=ROLE",
    help="What a column is: address, name, status, language, zone, tags, agreed_on, agreed_how,"
    " the name of a field, or nothing to leave it out; may be repeated",
)
@click.option(
    "--fields",
    default="none",
    show_default=True,
    metavar="all|none|A,B",
    help="Which other columns become fields",
)
@click.option("--tag", "tagged", multiple=True, help="A tag for everybody; may be repeated")
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing")
@click.option(
    "--rejects",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the rows that were not taken, with their reasons  [default: FILE.rejects.csv]",
)
@list_option
@pass_place
def import_(
    place: Place,
    file: Path,
    source: str | None,
    mapped: tuple[str, ...],
    fields: str,
    tagged: tuple[str, ...],
    rejects: Path | None,
    list_name: str,
    *,
    dry_run: bool,
) -> int:
    """Bring in the people of FILE: CSV, or one address a line.

    Columns are found by their names (email, name, status, language, tags ...). Whoever
    unsubscribed or is suppressed stays so. Rows that cannot be used are listed with their
    reason, never dropped. Importing the same file again changes nothing.
    """
    if not source and not dry_run:
        raise click.UsageError("how did these people agree? Add --source, or try --dry-run first")
    wanted, labels = _wanted(mapped, fields), tags(tagged)
    with _Bar() as bar:
        report = (
            place.app()
            .enrol(list_name)
            .file(
                file,
                source=source or "",
                wanted=wanted,
                tags=labels,
                dry_run=dry_run,
                progress=bar,
                warn=_warn,
            )
        )
    _show(report)
    if report.rejects and not dry_run:
        _write_rejects(report, rejects or file.with_name(f"{file.name}.rejects.csv"))
    if dry_run:
        click.echo("dry run: nothing was changed", err=True)
    return _PARTLY_DONE if report.invalid else 0


class _Bar:
    """How far an import is, on a terminal; silent elsewhere."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                BarColumn(),
                TextColumn("{task.percentage:.0f} %"),
                TextColumn("{task.fields[rows]:,} rows"),
                TextColumn("{task.fields[rate]:,.0f}/s"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=1.0, rows=0, rate=0.0)
        return self

    def __call__(self, rows: int, share: float) -> None:
        """Show where the reading is."""
        if self._bar:
            elapsed = self._bar.tasks[0].elapsed or 1e-6
            self._bar.update(self._task, completed=share, rows=rows, rate=rows / elapsed)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()


def _wanted(mapped: tuple[str, ...], fields: str) -> Wanted:
    from pipeline.audience.columns import ALL_FIELDS, Wanted

    roles: dict[str, str] = {}
    for pair in mapped:
        column, equals, role = pair.rpartition("=")
        if not equals or not column.strip():
            raise ConfigError(f"--map {pair!a}: it reads COLUMN=ROLE, such as City=field.city")
        roles[column.strip()] = role.strip()
    named = tuple(name.strip() for name in fields.split(",") if name.strip())
    if fields in {"none", ALL_FIELDS}:
        return Wanted(roles=roles, fields=ALL_FIELDS if fields == ALL_FIELDS else ())
    return Wanted(roles=roles, fields=named)


def _warn(text: str) -> None:
    click.echo(click.style("warning: ", fg="yellow", bold=True) + text, err=True)


def _show(report: ImportReport) -> None:
    for name in _COUNTED:
        count = getattr(report, name)
        if count or name == "new":
            click.echo(f"{name}\t{count}")
    click.echo(f"total\t{report.total}")
    for reject in report.rejects[:_SHOWN]:
        click.echo(f"line {reject.line}: {reject.reason}: {reject.text[:80]!r}", err=True)
    if len(report.rejects) > _SHOWN:
        click.echo(f"... and {len(report.rejects) - _SHOWN} more", err=True)
    for doubt in report.doubts:
        _warn(f"{doubt}; left empty")
    if report.doubtful > len(report.doubts):
        _warn(f"{report.doubtful - len(report.doubts)} more rows have such cells")


def _write_rejects(report: ImportReport, file: Path) -> None:
    from pipeline.audience.importing import reject_lines

    try:
        with file.open("w", encoding="utf-8", newline="") as stream:
            stream.writelines(reject_lines(report.rejects))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
    click.echo(f"rows not taken: {file}", err=True)
