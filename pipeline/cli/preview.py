"""broadsheet preview."""

from __future__ import annotations

import errno
import logging
import socket
import webbrowser
from pathlib import Path
from typing import Final

import click

from pipeline.cli.place import Place, pass_place
from pipeline.errors import ConfigError
from pipeline.model.sample_reader import SAMPLE_READERS

PORT: Final = 8026  # beside that of `serve`
_READERS: Final = [reader.key for reader in SAMPLE_READERS]


@click.command(epilog="Example: broadsheet preview issues/091.md")
@click.argument("issue", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"Port; 0 picks a free one  [default: {PORT}, or a free one]",
)
@click.option(
    "--open/--no-open", "open_", default=None, help="Open the browser  [default: --no-open]"
)
@click.option("--as", "reader", type=click.Choice(_READERS), help="Fill in this sample reader")
@pass_place
def preview(
    place: Place, issue: Path | None, port: int | None, reader: str | None, *, open_: bool | None
) -> int:
    """Show in a browser what would be sent of ISSUE, and follow every save.

    Everything shown is read back from the composed message. The studio is on this machine only;
    it writes nothing and sends nothing but a test you confirm. Ctrl-C ends it.
    """
    from pipeline.studio.server import serve

    if issue is not None and not issue.is_file():
        raise ConfigError(f"{issue}: there is no such file; `broadsheet new` makes one")
    logging.basicConfig(format="%(message)s", level=logging.WARNING)

    def ready(url: str) -> None:
        click.echo(url, err=True)
        if open_:
            webbrowser.open(url)

    with _listen(port) as listening:
        serve(
            lambda: place.app(required=issue is None),
            listening,
            issue=issue,
            reader=reader,
            ready=ready,
        )
    return 0


def _listen(port: int | None) -> socket.socket:
    """Take the port asked for; where none was, the usual one or a free one."""
    from pipeline.studio.guard import HOST

    try:
        return socket.create_server((HOST, PORT if port is None else port))
    except OSError as error:
        if port is None and error.errno == errno.EADDRINUSE:
            return socket.create_server((HOST, 0))
        raise ConfigError(f"cannot listen on {HOST}:{port}: {error.strerror}") from error
