"""broadsheet explain."""

from __future__ import annotations

import difflib

import click

from pipeline.errors import ConfigError


@click.command(epilog="Example: broadsheet explain P207")
@click.argument("code", required=False)
def explain(code: str | None) -> None:
    """Explain a diagnostic CODE, or list them all."""
    from pipeline.app import diagnostic_codes, explained

    codes = diagnostic_codes()
    if code is None:
        for name, text in codes.items():
            click.echo(f"{name}\t{text}")
        return
    name = code.upper()
    if name not in codes:
        close = difflib.get_close_matches(name, codes, n=3)
        raise ConfigError(f"no diagnostic is called {code!r}; nearest: {', '.join(close) or '-'}")
    click.echo(f"{name}: {codes[name]}")
    check = explained(name)
    if check is None:
        return
    click.echo(f"\n{check.why}\n{check.remedy}")
    if check.source:
        click.echo(f"Source: {check.source}")
    lowered = (
        "It cannot be lowered or allowed."
        if check.fixed
        else f'[check] severity = {{ {name} = "off" }} in newsletter.toml changes that for all'
        f" issues, `allow: [{name}]` accepts it in one."
    )
    article = "an" if check.severity == "error" else "a"
    click.echo(f"\nIt is {article} {check.severity}. {lowered}")
