"""broadsheet subscribers list, show, stats and export."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.output import emit, output_option
from pipeline.cli.place import Place, pass_place
from pipeline.cli.subscribers.choosing import audience, choosing_options, tags
from pipeline.errors import ConfigError
from pipeline.model.subscriber import Subscriber, SubscriberState

if TYPE_CHECKING:
    from pipeline.app import App

_COLUMNS = ("address", "name", "state", "since", "language", "tags")


@click.command("list", epilog='Example: broadsheet subscribers list --where "tag is vip"')
@choosing_options
@output_option
@pass_place
def list_(
    place: Place,
    list_name: str,
    state: str | None,
    tagged: str | None,
    rule: str,
    output: str | None,
) -> None:
    """List subscribers in the order they came."""
    found = _chosen(place.app(), list_name, state, tagged, rule)
    emit((_row(person, output) for person in found), _COLUMNS, output, key="address")


@click.command(epilog="Example: broadsheet subscribers show ann@example.org --json")
@click.argument("address")
@click.option("--json", "as_json", is_flag=True, help="All of it, for a program")
@pass_place
def show(place: Place, address: str, *, as_json: bool) -> None:
    """Show everything that is known of ADDRESS: subscriptions, consents, messages, feedback."""
    found = place.app().look().one(address)
    if found is None:
        raise ConfigError(f"{address}: nobody has this address, and it is not suppressed")
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for section, content in found.items():
        if content:
            click.secho(section.replace("_", " "), bold=True)
            for line in _lines(content):
                click.echo(f"  {line}")


@click.command(epilog="Example: broadsheet subscribers stats --output json")
@output_option
@pass_place
def stats(place: Place, output: str | None) -> None:
    """Count the subscribers of every list by state, and suppressed addresses by reason."""
    look = place.app().look()
    rows = [
        {"what": "subscriber", "list": name, "kind": state.value, "count": count}
        for name, counts in look.count().items()
        for state, count in counts.items()
    ] + [
        {"what": "suppression", "list": "", "kind": reason.value, "count": count}
        for reason, count in look.suppressed().items()
        if count
    ]
    emit(rows, ("what", "list", "kind", "count"), output, key="kind")


@click.command(epilog="Example: broadsheet subscribers export --state active > people.csv")
@choosing_options
@click.option(
    "--output",
    type=click.Choice(["csv", "jsonl"]),
    default="csv",
    show_default=True,
    help="CSV for a spreadsheet, or a line of JSON for each",
)
@pass_place
def export(
    place: Place, list_name: str, state: str | None, tagged: str | None, rule: str, output: str
) -> None:
    """Write subscribers as CSV that is safe to open in a spreadsheet, or as JSON."""
    from pipeline.audience.exporting import export_lines, export_rows, field_names

    chosen = partial(_chosen, place.app(), list_name, state, tagged, rule)
    if output == "jsonl":
        sys.stdout.writelines(export_lines(chosen()))
    else:
        sys.stdout.writelines(export_rows(chosen(), field_names(chosen())))


def _chosen(
    app: App, list_name: str, state: str | None, tagged: str | None, rule: str
) -> Iterator[Subscriber]:
    return app.look().at(
        audience(app, list_name, rule),
        state=SubscriberState(state) if state else None,
        tag=next(iter(tags((tagged,)))) if tagged else None,
    )


def _row(person: Subscriber, output: str | None) -> dict[str, Any]:
    from pipeline.audience.exporting import as_json

    row = {"id": person.id, **as_json(person)}
    if output not in {"json", "jsonl"}:
        row |= {"since": row["since"][:10], "tags": ", ".join(row["tags"])}
    return row


def _lines(content: object) -> Iterator[str]:
    """Yield one line for each fact of a mapping, or for each mapping of a list."""
    if isinstance(content, Mapping):
        for name, value in content.items():
            if value not in (None, "", [], {}):
                yield f"{name}: {_shown(value)}"
    elif isinstance(content, list):
        for each in content:
            facts = each.items() if isinstance(each, Mapping) else ()
            yield "  ".join(
                f"{name}: {_shown(value)}"
                for name, value in facts
                if value not in (None, "", [], {})
            )


def _shown(value: object) -> str:
    """Return a value that cannot write to the terminal: replies are other people's words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_shown(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(value))
