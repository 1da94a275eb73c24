"""A clear question before something that cannot be taken back."""

from __future__ import annotations

import sys

import click

from pipeline.cli.place import Place
from pipeline.errors import ConfigError, NotConfirmed


def confirm_people(place: Place, people: int, confirmed: int | None) -> None:
    """Make sure that somebody means to mail this many people.

    A person types the number; a script passes it as `--confirm N`, which must match.

    Raises:
        ConfigError: there is nobody to ask; the message has the flag to add.
        NotConfirmed: the number is another one.
    """
    if confirmed is None:
        if place.no_input or not sys.stdin.isatty():
            raise ConfigError(
                f"this would mail {people} people; to do it, add: --confirm {people}"
            )
        answer = click.prompt(f"Type the number of people to mail ({people})", err=True)
        confirmed = int(answer) if str(answer).strip().isdigit() else -1
    if confirmed != people:
        raise NotConfirmed(f"there are {people} people to mail, not {confirmed}; nothing was sent")
