"""broadsheet check."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.place import Place, pass_place
from pipeline.cli.reading import reading_options
from pipeline.cli.report import as_json, show, summary
from pipeline.diagnostic import Diagnostic, Severity
from pipeline.errors import IssueError

if TYPE_CHECKING:  # the readers are loaded when a file is read
    from pipeline.formats import DateOrder
    from pipeline.operations.examine import Examined
    from pipeline.operations.follow import Follow

_FAILED = 3


@click.command(epilog="Example: broadsheet check issues/091.md --links")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@reading_options
@click.option("--links", is_flag=True, help="Ask the network whether links lead anywhere")
@click.option("--strict", is_flag=True, help="Count warnings as errors")
@click.option("--notes", is_flag=True, help="Show notes about the template, too")
@click.option(
    "--output",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    show_default=True,
    help="For people, programs, code scanning, or annotations of GitHub",
)
@pass_place
def check(
    place: Place,
    files: tuple[Path, ...],
    format_: str | None,
    date_order: DateOrder | None,
    *,
    links: bool,
    strict: bool,
    notes: bool,
    output: str,
) -> int:
    """Say what is wrong with issue FILES, and where; write nothing.

    Leaves with 3 if there are errors. `broadsheet explain CODE` says more about a finding; [check]
    in newsletter.toml changes what one counts, `allow: [CODE]` in an issue accepts it there.
    """
    app = place.app(required=not files)
    examine = app.examine(format_=format_, date_order=date_order)
    found: list[Diagnostic] = []
    examined: list[Examined] = []
    for file in files or app.issue_files():
        try:
            examined.append(examine(file))
            found += examined[-1].diagnostics
        except IssueError as error:
            found += error.diagnostics
    if links:
        found += _follow(app.follow(), examined)
    _write(found, output, notes=notes)
    severe = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    return _FAILED if any(each.severity in severe for each in found) else 0


def _follow(follow: Follow, examined: list[Examined]) -> list[Diagnostic]:
    """Follow the links, and say how far it is if somebody waits."""
    waits = sys.stderr.isatty()

    def progress(done: int, all_: int) -> None:
        if waits:
            click.echo(f"\r{done} of {all_} links", err=True, nl=done == all_)

    found = follow(examined, progress=progress)
    return [each for diagnostics in found.values() for each in diagnostics]


def _write(found: list[Diagnostic], output: str, *, notes: bool) -> None:
    match output:
        case "json":
            click.echo(json.dumps({"diagnostics": [as_json(each) for each in found]}, indent=2))
        case "sarif":
            from pipeline.cli.sarif import sarif

            click.echo(json.dumps(sarif(found), indent=2))
        case "github":
            from pipeline.cli.annotations import annotation

            for each in found:
                if _is_shown(each, notes=notes):
                    click.echo(annotation(each))
        case _:
            shown = [each for each in found if _is_shown(each, notes=notes)]
            show(shown)
            click.echo(summary(found, shown=len(shown)), err=True)


def _is_shown(diagnostic: Diagnostic, *, notes: bool) -> bool:
    """Leave out what was allowed, and notes of preflight that name no line of the author's."""
    if diagnostic.allowed:
        return False
    of_the_template = diagnostic.line is None and diagnostic.code.startswith("P")
    return notes or diagnostic.severity is not Severity.NOTE or not of_the_template
