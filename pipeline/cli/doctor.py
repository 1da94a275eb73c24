"""broadsheet doctor."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import click

from pipeline.cli.output import emit, output_option
from pipeline.cli.place import Place, pass_place

if TYPE_CHECKING:  # the rules are loaded when they are asked
    from pipeline.doctor.resolver import Resolver
    from pipeline.doctor.rule import Result

_FAILED: Final = 3
_SITE: Final = "newsletter.site_url"
_COLUMNS: Final = ("code", "status", "level", "family", "title", "source", "seen", "remedy", "why")
_COLOURS: Final = {"passed": "green", "failed": "red", "not checked": "cyan"}


@click.command(epilog="Example: broadsheet doctor --dns --url https://news.example.org")
@click.option("--dns", is_flag=True, help="Ask the DNS, too: SPF, DKIM, DMARC, MX, PTR")
@click.option(
    "--url",
    is_flag=False,
    flag_value=_SITE,
    help="Unsubscribe a person made for it at the running site, too  [without a value: site_url]",
)
@click.option("--address", metavar="IP", help="Where mail leaves from, for SPF and PTR")
@click.option(
    "--name-server",
    metavar="IP[:PORT]",
    help="Whom to ask about the DNS  [default: as this machine does]",
)
@click.option("--strict", is_flag=True, help="Leave with 3 for what only should hold, too")
@output_option
@pass_place
def doctor(
    place: Place,
    url: str | None,
    address: str | None,
    name_server: str | None,
    output: str | None,
    *,
    dns: bool,
    strict: bool,
) -> int:
    """Look at settings, message, database, site and DNS as a mailbox provider would.

    Nothing leaves this machine unless --dns or --url is given, and nothing is mailed to anybody.
    With --url a person is made on a list of their own, unsubscribed over HTTP, and deleted again.
    Leaves with 3 if a rule fails. docs/doctor.md lists all rules.
    """
    app = place.app()
    results = tuple(
        app.diagnose()(
            url=app.newsletter.site_url if url == _SITE else url,
            resolver=_resolver(name_server) if dns or name_server else None,
            address=_checked_address(address),
        )
    )
    if (output or ("table" if sys.stdout.isatty() else "tsv")) == "table":
        _show(results)
    else:
        emit(map(_row, results), _COLUMNS, output, key="code")
    click.echo(_summary(results), err=True)
    failed = [each for each in results if each.severe or (strict and each.findings)]
    return _FAILED if failed else 0


def _resolver(name_server: str | None) -> Resolver:
    from pipeline.doctor.resolver import Dns

    if name_server is None:
        return Dns()
    server, _, port = name_server.rpartition(":")
    if not port.isdigit() or server.count(":") > 0:  # an IPv6 address alone
        return Dns([_checked_address(name_server) or ""])
    return Dns([_checked_address(server) or ""], int(port))


def _checked_address(address: str | None) -> str | None:
    from ipaddress import ip_address

    try:
        return str(ip_address(address)) if address else None
    except ValueError as error:
        raise click.UsageError(f"{address} is no IP address") from error


def _show(results: Sequence[Result]) -> None:
    """Print a line a family, then each failed rule with what to do."""
    for family, group in groupby(results, key=lambda each: each.family):
        _show_family(family, tuple(group))
    for result in results:
        if result.findings:
            click.echo()
            _show_failed(result)


def _show_family(family: str, results: Sequence[Result]) -> None:
    counts = Counter(str(each.status) for each in results)
    reasons = Counter(each.why for each in results if each.why)
    if len(reasons) == 1 and len(results) == counts["not checked"]:
        said = click.style(f"not checked: {_safe(next(iter(reasons)))}", fg="cyan")
        reasons.clear()
    else:
        said = ", ".join(
            click.style(f"{counts[status]} {status}", fg=colour)
            for status, colour in _COLOURS.items()
            if counts[status]
        )
    click.echo(f"{family:<13} {said}")
    for why in reasons:
        codes = [each.rule.code for each in results if each.why == why]
        click.echo(click.style(f"{'':<13} {', '.join(codes)}: {_safe(why)}", dim=True))


def _show_failed(result: Result) -> None:
    rule = result.rule
    colour = "red" if result.severe else "yellow"
    head = click.style(f"{rule.code} {rule.level}", fg=colour, bold=True)
    click.echo(f"{head}: {rule.title}")
    for finding in result.findings:
        click.echo(f"  seen    {_safe(finding.seen)}")
    click.echo(f"  source  {rule.source}")
    for remedy in dict.fromkeys(finding.remedy for finding in result.findings):
        click.echo(f"  remedy  {_safe(remedy)}")


def _row(result: Result) -> dict[str, Any]:
    rule = result.rule
    return {
        "code": rule.code,
        "status": str(result.status),
        "level": str(rule.level),
        "family": result.family,
        "title": rule.title,
        "source": rule.source,
        "seen": "; ".join(_safe(finding.seen) for finding in result.findings),
        "remedy": "; ".join(dict.fromkeys(_safe(finding.remedy) for finding in result.findings)),
        "why": _safe(result.why),
    }


def _summary(results: Sequence[Result]) -> str:
    return ", ".join(_counted(results)) or "no rules"


def _counted(results: Sequence[Result]) -> Iterator[str]:
    counts = Counter(str(each.status) for each in results)
    for status in _COLOURS:
        if counts[status]:
            yield f"{counts[status]} {status}"


def _safe(text: str) -> str:
    """Show control characters instead of sending them to the terminal: some come from outside."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
