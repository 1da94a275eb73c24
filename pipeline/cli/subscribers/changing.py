"""broadsheet subscribers add, tag, untag, remove, suppress and erase."""

from __future__ import annotations

import sys

import click

from pipeline.cli.place import Place, pass_place
from pipeline.cli.subscribers.choosing import audience, list_option, tags, where_option
from pipeline.errors import ConfigError, NotConfirmed
from pipeline.model.subscriber import SuppressionReason


@click.command(epilog='Example: broadsheet subscribers add me@example.org --source "asked me"')
@click.argument("address")
@click.option("--name", default="", help="How to greet them in To")
@click.option("--source", required=True, help="How they agreed; kept as proof")
@click.option("--tag", "tagged", multiple=True, help="A tag; may be repeated")
@click.option("--language", help="BCP 47, such as de or pt-BR")
@click.option("--zone", help="Time zone, such as Europe/Berlin")
@click.option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="May be repeated")
@list_option
@pass_place
def add(
    place: Place,
    address: str,
    name: str,
    source: str,
    tagged: tuple[str, ...],
    language: str | None,
    zone: str | None,
    fields: tuple[str, ...],
    list_name: str,
) -> None:
    """Add one ADDRESS whose owner agreed."""
    from pipeline.audience.cells import CellError, language_in, zone_in

    try:
        spoken, clock = language_in(language or ""), zone_in(zone or "")
    except CellError as error:
        raise ConfigError(str(error)) from error
    standing = (
        place.app()
        .enrol(list_name)
        .one(
            address,
            source=source,
            name=name,
            language=spoken,
            zone=clock,
            tags=tags(tagged),
            fields=_fields(fields),
        )
    )
    click.echo(f"{address}\t{standing}")


@click.command(epilog="Example: broadsheet subscribers tag vip ann@example.org bob@example.org")
@click.argument("word", metavar="TAG")
@click.argument("addresses", metavar="[ADDRESS]...", nargs=-1)
@list_option
@where_option
@pass_place
def tag(place: Place, word: str, addresses: tuple[str, ...], list_name: str, rule: str) -> None:
    """Give TAG to each ADDRESS, or to everybody of a list whom a RULE picks."""
    _retag(place, addresses, list_name, rule, add=tags((word,)))


@click.command(
    epilog='Example: broadsheet subscribers untag vip --where "since before 2020-01-01"'
)
@click.argument("word", metavar="TAG")
@click.argument("addresses", metavar="[ADDRESS]...", nargs=-1)
@list_option
@where_option
@pass_place
def untag(place: Place, word: str, addresses: tuple[str, ...], list_name: str, rule: str) -> None:
    """Take TAG from each ADDRESS, or from everybody of a list whom a RULE picks."""
    _retag(place, addresses, list_name, rule, remove=tags((word,)))


@click.command(epilog="Example: broadsheet subscribers remove me@example.org")
@click.argument("address")
@click.option("--list", "list_name", help="From this list only  [default: every list]")
@click.option("--source", default="asked us", show_default=True, help="Why; kept on record")
@pass_place
def remove(place: Place, address: str, list_name: str | None, source: str) -> None:
    """Unsubscribe ADDRESS; no later import brings it back."""
    left = place.app().withdraw()(address, list_=list_name, source=source)
    for name in left:
        click.echo(f"{address}\tunsubscribed\t{name}")


@click.command(epilog="Example: broadsheet subscribers suppress me@example.org")
@click.argument("address")
@click.option(
    "--reason",
    type=click.Choice([reason.value for reason in SuppressionReason]),
    default=SuppressionReason.MANUAL.value,
    show_default=True,
)
@click.option("--lift", is_flag=True, help="Allow it again, as after a complaint by mistake")
@pass_place
def suppress(place: Place, address: str, reason: str, *, lift: bool) -> None:
    """Never write to ADDRESS again, whoever imports or adds it."""
    suppress_ = place.app().suppress()
    if lift:
        lifted = suppress_.lift(address)
        click.echo(f"{address}\t{'not suppressed any more' if lifted else 'was not suppressed'}")
        return
    suppress_(address, SuppressionReason(reason))
    click.echo(f"{address}\tsuppressed\t{reason}")


@click.command(epilog="Example: broadsheet subscribers erase ann@example.org --yes")
@click.argument("address")
@click.option("--yes", is_flag=True, help="Do not ask")
@pass_place
def erase(place: Place, address: str, *, yes: bool) -> None:
    """Take ADDRESS out of the database and the kept mails, for ever.

    What remains is a number, the counts of what was sent, and a keyed hash that stops later
    imports. Only they can come back, by subscribing themselves.
    """
    app = place.app()
    if not yes:
        if place.no_input or not sys.stdin.isatty():
            raise ConfigError("this cannot be taken back; to do it, add: --yes")
        answer = click.prompt("Type the address again to erase it for ever", err=True)
        if str(answer).strip() != address:
            raise NotConfirmed("that is another address; nothing was erased")
    if not app.erase().by_address(address):
        raise ConfigError(f"{address}: nobody has this address")
    click.echo("erased")


def _retag(
    place: Place,
    addresses: tuple[str, ...],
    list_name: str,
    rule: str,
    *,
    add: frozenset[str] = frozenset(),
    remove: frozenset[str] = frozenset(),
) -> None:
    if bool(addresses) == bool(rule.strip()):
        raise click.UsageError("whom? Name addresses, or a rule with --where, and not both")
    app = place.app()
    label = app.label()
    if addresses:
        people = label.named(addresses)
    else:
        # All of them before the first changes: a rule may ask for the very tag.
        people = [person.id for person in app.look().at(audience(app, list_name, rule))]
    changed = label(people, add=add, remove=remove)
    click.echo(f"{next(iter(add | remove))}\t{changed}")


def _fields(pairs: tuple[str, ...]) -> dict[str, str]:
    from pipeline.audience.address import clean_name
    from pipeline.audience.importing import MAX_VALUE
    from pipeline.audience.naming import field_name

    fields: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not (cleaned := clean_name(value, MAX_VALUE)):
            raise ConfigError(f"--field {pair!a}: it reads NAME=VALUE, such as city=Ghent")
        fields[field_name(name)] = cleaned
    return fields
