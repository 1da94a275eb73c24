"""Data on stdout: a table for a person, TSV for a pipe, JSON for a program."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import click

FORMATS: Final = ("table", "tsv", "json", "jsonl", "ids")

Row = Mapping[str, Any]


def output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --output, and --json for short, to a command."""
    command = click.option(
        "--json", "output", flag_value="json", help="The same as --output json"
    )(command)
    return click.option(
        "--output",
        type=click.Choice(FORMATS),
        help="Form of the answer  [default: table on a terminal, tsv in a pipe]",
    )(command)


def emit(rows: Iterable[Row], columns: Sequence[str], form: str | None, *, key: str) -> None:
    """Write rows in the form asked for.

    Args:
        rows: each a mapping; JSON shows all of it, the other forms only `columns`.
        columns: in order.
        form: one of FORMATS; None decides by whether stdout is a terminal.
        key: the column that `ids` prints.
    """
    form = form or ("table" if sys.stdout.isatty() else "tsv")
    match form:
        case "json":
            click.echo(
                json.dumps({"items": list(rows)}, indent=2, ensure_ascii=False, default=str)
            )
        case "jsonl":
            for row in rows:
                click.echo(json.dumps(row, ensure_ascii=False, default=str))
        case "ids":
            for row in rows:
                click.echo(row[key])
        case "tsv":
            click.echo("\t".join(columns))
            for row in rows:
                click.echo("\t".join(_cell(row[column]) for column in columns))
        case _:
            _table(rows, columns)


def _cell(value: object) -> str:
    """Return a value on one line: a tab or a line end would break the record."""
    text = "" if value is None else str(value)
    return text.translate({9: " ", 10: " ", 13: " "})


def _table(rows: Iterable[Row], columns: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*(Text(_cell(row[column])) for column in columns))
    Console().print(table)
