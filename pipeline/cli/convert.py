"""broadsheet convert."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.place import Place, pass_place
from pipeline.cli.reading import reading_options
from pipeline.cli.report import show
from pipeline.errors import ConfigError

if TYPE_CHECKING:  # the readers are loaded when a file is read
    from pipeline.formats import DateOrder


@click.command(epilog="Example: broadsheet convert issues/091.txt --to issues/091.md")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@reading_options
@click.option(
    "--to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write, must not exist  [default: standard output]",
)
@pass_place
def convert(
    place: Place, file: Path, format_: str | None, date_order: DateOrder | None, to: Path | None
) -> None:
    """Write an issue FILE of any format as canonical Markdown, to go on with."""
    markdown, diagnostics = place.app(required=False).convert(
        format_=format_, date_order=date_order
    )(file)
    show(diagnostics)
    if to is None:
        click.echo(markdown, nl=False)
        return
    try:
        with to.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(markdown)
    except FileExistsError:
        raise ConfigError(f"{to}: is there already; remove it or choose another name") from None
    except OSError as error:
        raise ConfigError(f"{to}: {error.strerror}") from error
    click.echo(f"wrote {to}", err=True)
