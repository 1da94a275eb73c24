"""broadsheet explain."""

from __future__ import annotations

import difflib

import click

from pipeline.errors import ConfigError


@click.command(epilog="Example: broadsheet explain W201")
@click.argument("code", required=False)
def explain(code: str | None) -> None:
    """Explain a diagnostic CODE, or list them all."""
    from pipeline.app import diagnostic_codes

    codes = diagnostic_codes()
    if code is None:
        for name, text in codes.items():
            click.echo(f"{name}\t{text}")
        return
    if code.upper() not in codes:
        close = difflib.get_close_matches(code.upper(), codes, n=3)
        raise ConfigError(f"no diagnostic is called {code!r}; nearest: {', '.join(close) or '-'}")
    click.echo(f"{code.upper()}: {codes[code.upper()]}")
