"""broadsheet check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.place import Place, pass_place
from pipeline.cli.reading import reading_options
from pipeline.cli.report import as_json, show, summary
from pipeline.errors import Diagnostic, IssueError, Severity

if TYPE_CHECKING:  # the readers are loaded when a file is read
    from pipeline.formats import DateOrder

_FAILED = 3


@click.command(epilog="Example: broadsheet check issues/091.md --output json")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@reading_options
@click.option("--strict", is_flag=True, help="Count warnings as errors")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_place
def check(
    place: Place,
    files: tuple[Path, ...],
    format_: str | None,
    date_order: DateOrder | None,
    *,
    strict: bool,
    output: str,
) -> int:
    """Say what is wrong with issue FILES, and where; write nothing.

    Leaves with 3 if there are errors. `broadsheet explain CODE` says more about a finding.
    """
    app = place.app(required=not files)
    examine = app.examine(format_=format_, date_order=date_order)
    found: list[Diagnostic] = []
    for file in files or app.issue_files():
        try:
            found += examine(file).diagnostics
        except IssueError as error:
            found += error.diagnostics
    if output == "json":
        click.echo(json.dumps({"diagnostics": [as_json(each) for each in found]}, indent=2))
    else:
        show(found)
        click.echo(summary(found), err=True)
    severe = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    return _FAILED if any(each.severity in severe for each in found) else 0
