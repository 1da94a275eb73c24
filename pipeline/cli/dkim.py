"""broadsheet dkim."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pipeline.cli.place import Place, pass_place

if TYPE_CHECKING:
    from pipeline.outbox.dkim_key import DnsRecord

_NAMED_AFTER_RECORD: Final = re.compile(r"(.+)\._domainkey\.(.+)\.pem")


@click.group(epilog="Example: broadsheet dkim keygen --selector s1")
def dkim() -> None:
    """Make the keys that sign mail; show their DNS records."""


@dkim.command(epilog="Example: broadsheet dkim keygen --selector s1 --domain news.example.org")
@click.option("--selector", required=True, help="Name of the key in DNS; a new key, a new name")
@click.option("--domain", help="Domain that signs  [default: that of the sender's address]")
@click.option("--ed25519", is_flag=True, help="A small key for a second signature, not RSA-2048")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the key  [default: SELECTOR._domainkey.DOMAIN.pem in the data folder]",
)
@pass_place
def keygen(
    place: Place, selector: str, domain: str | None, out: Path | None, *, ed25519: bool
) -> None:
    """Make a private key, and print the DNS record to publish for it.

    The key is for its owner only (mode 0600), and no file is ever written over. Publish the record
    before the key signs anything: without its record a signature is worth nothing.
    """
    from pipeline.outbox.dkim_key import (
        checked_domain,
        checked_selector,
        dns_record,
        load_key,
        make_key,
    )

    selector = checked_selector(selector)
    domain = checked_domain(domain or _sender_domain(place))
    file = out or _data_folder(place) / f"{selector}._domainkey.{domain}.pem"
    make_key(file, ed25519=ed25519)
    _show(dns_record(load_key(file, selector), domain))
    click.echo(f"private key: {file}", err=True)


@dkim.command(epilog="Example: broadsheet dkim record data/s1._domainkey.news.example.org.pem")
@click.argument("keyfile", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--selector", help="Name of the key in DNS  [default: as the file is called]")
@click.option("--domain", help="Domain that signs  [default: as the file is called]")
@pass_place
def record(place: Place, keyfile: Path, selector: str | None, domain: str | None) -> None:
    """Print the DNS record of the key in KEYFILE again."""
    from pipeline.outbox.dkim_key import dns_record, load_key

    named = _NAMED_AFTER_RECORD.fullmatch(keyfile.name)
    selector = selector or (named and named[1])
    if not selector:
        raise click.UsageError(f"{keyfile.name} does not say the selector; add --selector")
    domain = domain or (named and named[2]) or _sender_domain(place)
    _show(dns_record(load_key(keyfile, selector), domain))


def _sender_domain(place: Place) -> str:
    return place.app().newsletter.mail_domain


def _data_folder(place: Place) -> Path:
    """Return the private folder of the workspace, or the current one outside of any."""
    app = place.app(required=False)
    if not app.has_workspace:
        return Path()
    app.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return app.data


def _show(found: DnsRecord) -> None:
    """Print a record as the forms of DNS providers ask for it, and as zone files have it."""
    click.echo(f"name\t{found.name}")
    click.echo("type\tTXT")
    click.echo(f"value\t{found.value}")
    click.echo(f"zone\t{found.zone_line}")
