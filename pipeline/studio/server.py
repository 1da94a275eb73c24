"""The server of the studio: one address of this machine, ended at once."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from secrets import token_urlsafe

import uvicorn

from pipeline.app import App
from pipeline.operations.shelf import shown
from pipeline.studio.application import application
from pipeline.studio.desk import Desk
from pipeline.studio.guard import HOST
from pipeline.studio.view import View, place


class Server(uvicorn.Server):
    """Ends the streams before it waits for their readers."""

    def __init__(self, config: uvicorn.Config, desk: Desk, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.desk, self.ready = desk, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self.started:
            self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End at once, although pages are open."""
        await self.desk.close()
        await super().shutdown(sockets)


def serve(
    open_app: Callable[[], App],
    listening: socket.socket,
    *,
    issue: Path | None = None,
    reader: str | None = None,
    ready: Callable[[str], None],
) -> None:
    """Show a workspace until somebody interrupts.

    Args:
        open_app: opens the workspace, again each time newsletter.toml changes.
        listening: a socket bound to HOST.
        issue: the file to begin with; it need not be in the folder of issues.
        reader: the sample reader to begin with.
        ready: called with the address as soon as it answers; only who knows it gets in.

    Raises:
        ConfigError: the workspace cannot be opened.
    """
    port = listening.getsockname()[1]
    desk = Desk(open_app, issue)
    token = token_urlsafe(16)
    path = place(token, "issues", shown(issue)) if issue else place(token, "")
    query = View(reader=reader).query() if reader else ""
    config = uvicorn.Config(
        application(desk, port=port, token=token, reader=reader),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=1,
    )
    url = f"http://{HOST}:{port}{path}{query if issue else ''}"
    Server(config, desk, lambda: ready(url)).run(sockets=[listening])
