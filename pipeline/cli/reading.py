"""What a user may say about issue files that do not say it themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --from and --date-order to a command, as `format_` and `date_order`."""
    from_option = click.option(
        "--from", "format_", metavar="FORMAT", help="Do not guess the format of the files"
    )
    order_option = click.option(
        "--date-order", type=click.Choice(["dmy", "mdy"]), help="How to read 03/04/2026"
    )
    return from_option(order_option(command))
