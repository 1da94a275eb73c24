"""A Click group whose commands are imported when they are used, not when they are named."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any

import click


class LazyGroup(click.Group):
    """Knows each command by module and one line of help; a test holds the lines to the truth."""

    def __init__(
        self, *args: Any, commands_by_name: Mapping[str, tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.commands_by_name = commands_by_name

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - Click's signature
        """Return the commands in the order of the walk."""
        return list(self.commands_by_name)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - Click's signature
        cmd_name: str,
    ) -> click.Command | None:
        """Import one command."""
        if cmd_name not in self.commands_by_name:
            return None
        command = resolve_name(self.commands_by_name[cmd_name][0])
        if not isinstance(command, click.Command):
            raise TypeError(f"{cmd_name} does not name a command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; suggest the nearest name for one that does not exist."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = difflib.get_close_matches(args[0], self.commands_by_name, n=1)
            if not close:
                raise
            ctx.fail(f"{error.format_message()} Did you mean {close[0]!r}?")

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - Click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the one-line helps without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.commands_by_name.items()])
