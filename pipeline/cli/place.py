"""Where a command runs: the workspace of the user, opened when a command needs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import Struct

from pipeline.errors import ConfigError

if TYPE_CHECKING:  # an App brings half the package with it; --help shall not
    from pipeline.app import App


class Place(Struct, frozen=True):
    """The global options of a command line."""

    workspace: str | None
    no_input: bool

    def app(self, *, required: bool = True) -> App:
        """Open the workspace.

        Args:
            required: without newsletter.toml, fail instead of using the defaults.

        Raises:
            ConfigError: there is none, or its settings are wrong.
        """
        from pipeline.app import App
        from pipeline.settings import FILE_NAME, find_workspace, load

        start = Path(self.workspace or ".").resolve()
        root = start if self.workspace else find_workspace(start)
        if root is None or not (root / FILE_NAME).is_file():
            if required:
                raise ConfigError(
                    f"no {FILE_NAME} in {start} or above it; "
                    "run `broadsheet init` to make a workspace, or name one with -C"
                )
            root = None
        return App(settings=load(root), root=root or start, has_workspace=root is not None)


pass_place = click.make_pass_decorator(Place)
