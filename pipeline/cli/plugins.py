"""broadsheet plugins."""

from __future__ import annotations

import click

from pipeline.cli.output import emit, output_option


@click.command(epilog="Example: broadsheet plugins --output json")
@output_option
def plugins(output: str | None) -> None:
    """List every format, sender and feed that is installed, and who brought it."""
    from pipeline.plugins import BUILT_IN, installed

    emit(
        [
            {
                "group": plugin.group,
                "name": plugin.name,
                "from": plugin.distribution,
                "target": plugin.target,
            }
            for group in BUILT_IN
            for plugin in installed(group)
        ],
        ("group", "name", "from", "target"),
        output,
        key="name",
    )
