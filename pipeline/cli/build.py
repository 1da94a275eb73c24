"""broadsheet build."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.output import emit, output_option
from pipeline.cli.place import Place, pass_place
from pipeline.cli.reading import reading_options
from pipeline.cli.report import show, summary
from pipeline.diagnostic import Severity

if TYPE_CHECKING:  # the readers are loaded when a file is read
    from pipeline.formats import DateOrder


@click.command(
    epilog="Example: broadsheet build issues/091.md  "
    "(without FILES: every file in the workspace's issues/)"
)
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Another outbox")
@reading_options
@output_option
@pass_place
def build(
    place: Place,
    files: tuple[Path, ...],
    out: Path | None,
    format_: str | None,
    date_order: DateOrder | None,
    output: str | None,
) -> None:
    """Render issue FILES and freeze them in the outbox, ready to be looked at and approved.

    Nobody is mailed. An unchanged issue is not written again; a changed one loses its approval.
    Findings of preflight are shown; errors among them stop approval, not the build.
    """
    app = place.app(required=not files)
    built = app.build(out=out, format_=format_, date_order=date_order)(files or app.issue_files())
    found = [diagnostic for each in built for diagnostic in each.diagnostics]
    show([diagnostic for diagnostic in found if diagnostic.severity is not Severity.NOTE])
    outbox = app.outbox(out)
    emit(
        [
            {
                "entry": each.entry.id,
                "state": "written" if each.changed else "unchanged",
                "stories": each.entry.counts.stories,
                "minutes": each.entry.counts.minutes,
                "errors": each.entry.errors,
                "warnings": each.entry.warnings,
                "subject": each.entry.subject,
                "digest": each.entry.digest,
                "folder": str(outbox.root / each.entry.id),
            }
            for each in built
        ],
        ("entry", "state", "stories", "minutes", "errors", "warnings", "subject"),
        output,
        key="entry",
    )
    click.echo(f"{summary(found)}; look at {outbox.root / 'index.html'}", err=True)
