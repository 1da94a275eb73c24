"""broadsheet template."""

from __future__ import annotations

import click

from pipeline.cli.output import emit, output_option
from pipeline.cli.place import Place, pass_place
from pipeline.cli.report import show, summary

_FAILED = 3


@click.group(epilog="Example: broadsheet template new quay --from briefing")
def template() -> None:
    """List, start and check templates: what issues look like as mail."""


@template.command("list", epilog="Example: broadsheet template list --json")
@output_option
@pass_place
def list_(place: Place, output: str | None) -> None:
    """List the templates an issue can be sent in, and what of them is your own."""
    app = place.app(required=False)
    chosen = app.settings.newsletter.template
    emit(
        [
            {
                "name": each.name,
                "title": each.title,
                "about": each.about,
                "from": each.origin,
                "overrides": ", ".join(each.overrides) or "-",
                "chosen": "yes" if each.name == chosen else "",
            }
            for each in app.list_templates()()
        ],
        ("name", "title", "about", "from", "overrides", "chosen"),
        output,
        key="name",
    )


@template.command("new", epilog="Example: broadsheet template new quay --from briefing")
@click.argument("name")
@click.option("--from", "origin", default="digest", show_default=True, help="What to start from")
@pass_place
def new_(place: Place, name: str, origin: str) -> None:
    """Start a template called NAME in the workspace: a copy of a small one to change."""
    files = place.app().new_template()(name, origin=origin)
    for file in files:
        click.echo(file)
    folder = next(file.parent for file in files if file.name == "theme.toml")
    click.echo(
        f"edit {folder / 'theme.toml'} first: colours, fonts, logo, widths; then sizes and"
        f" margins in inline.css\nwhat you delete comes from the family again;"
        f" partials of it can be laid over in {folder / 'partials'}\n"
        f'use it: template = "{name}" in [newsletter], or `template: {name}` in an issue\n'
        f"look at it: broadsheet template check {name}",
        err=True,
    )


@template.command("check", epilog="Example: broadsheet template check quay")
@click.argument("name", required=False)
@pass_place
def check_(place: Place, name: str | None) -> int:
    """Say what is wrong with the template NAME, or with all, and where; write nothing.

    Reads its files, then sends its sample and all others, two of them in Arabic and Japanese,
    through the whole walk: filling in, MJML, inlining, message, preflight. Leaves with 3 if there
    are errors.
    """
    app = place.app(required=False)
    check = app.check_template()
    names = (name,) if name else tuple(each.name for each in app.list_templates()())
    failed = 0
    for each in map(check, names):
        show(each.found)
        largest = max((size for _, size in each.samples), default=0)
        click.echo(
            f"{each.name}: {len(each.samples)} samples, the largest {largest:,} bytes of HTML;"
            f" {summary(each.found)}",
            err=True,
        )
        failed += each.errors
    return _FAILED if failed else 0
