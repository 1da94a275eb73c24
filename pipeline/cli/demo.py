"""broadsheet demo."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import click
from msgspec.structs import replace

from pipeline.cli.meter import Meter
from pipeline.cli.place import Place, pass_place
from pipeline.errors import ConfigError

_MARK = ".broadsheet-demo"  # only a folder that has it is ever removed


@click.command(epilog="Example: broadsheet demo --people 200")
@click.option("--people", default=1000, show_default=True, type=click.IntRange(1, 100_000))
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to work; made new each time  [default: data/demo in the workspace]",
)
@pass_place
def demo(place: Place, people: int, folder: Path | None) -> None:
    """Walk the whole way on a copy of the workspace: build to delivery, and prove the ledger.

    Nothing leaves this machine: the messages go to a mail server that the demo starts on
    loopback, addressed to invented readers at example.org. Leaves with 1 if a number is wrong.
    """
    app = place.app()
    target = folder or app.data / "demo"
    _renew(target)
    shutil.copy(app.root / "newsletter.toml", target)
    for name in (app.settings.paths.issues, app.settings.paths.templates):
        if (app.root / name).is_dir():
            shutil.copytree(app.root / name, target / name)
    here = replace(app, root=target)
    click.echo(f"demo in {target}\n", err=True)
    started = time.monotonic()
    with Meter(people) as meter:
        here.demo(say=lambda line: click.echo(line, err=True))(
            target, here.issue_files(), people=people, progress=meter
        )
    click.echo(f"\n{people} of {people} delivered in {time.monotonic() - started:.1f} s")


def _renew(folder: Path) -> None:
    if folder.exists() and not (folder / _MARK).is_file():
        raise ConfigError(f"{folder}: is there already and was not made by the demo")
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / _MARK).touch()
