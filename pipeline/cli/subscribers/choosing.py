"""Which people a command is about: options that several share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from pipeline.model.audience import Audience
from pipeline.model.subscriber import MAIN_NAME, SubscriberState

if TYPE_CHECKING:
    from pipeline.app import App


def list_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --list to a command, as `list_name`."""
    return click.option(
        "--list", "list_name", default=MAIN_NAME, show_default=True, help="Of which list"
    )(command)


def where_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --where to a command, as `rule`."""
    return click.option(
        "--where",
        "rule",
        metavar="RULE",
        default="",
        help='Such as "tag is vip and age > 30", or a segment of the settings',
    )(command)


def choosing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --list, --state, --tag and --where to a command."""
    state = click.option(
        "--state",
        type=click.Choice([state.value for state in SubscriberState]),
        help="Only those who stand so with the list",
    )
    tag = click.option("--tag", "tagged", help="Only those who have this tag")
    return list_option(state(tag(where_option(command))))


def audience(app: App, list_name: str, rule: str) -> Audience:
    """Return whom the options name; a list that the settings forgot can still be looked at."""
    return Audience(list=list_name, rule=app.rule(rule.strip()))


def tags(words: tuple[str, ...]) -> frozenset[str]:
    """Return tags as they are stored.

    Raises:
        ConfigError: one can be none.
    """
    from pipeline.audience.naming import tag_name

    return frozenset(map(tag_name, words))
