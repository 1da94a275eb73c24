"""Writes the reference pages that follow from the code: `make docs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, get_args

from msgspec import NODEFAULT, Meta
from msgspec.structs import fields

from pipeline.app import diagnostic_codes
from pipeline.preflight.catalogue import Check, checks
from pipeline.settings.tables import SETTINGS_TABLES
from pipeline.settings.values import Address

DOCS: Final = Path(__file__).parents[2] / "docs"

DIAGNOSTICS: Final = """\
# Diagnostics

Every finding has a stable code; `broadsheet explain CODE` says the same as this page. `E`, `W` and
`I` come from reading an issue file: errors, warnings and notes. `P` comes from preflight, the
checks of the rendered mail, which [checks](checks.md) explains one by one. Errors stop approval;
nothing else does.

| code | meaning |
|---|---|
"""
CHECKS: Final = """\
# Checks

What `broadsheet check` and `build` look for in a rendered mail; the codes of reading an issue file
are in [diagnostics](diagnostics.md). `broadsheet explain P207` says the same as this page. An error
stops `approve`, a warning wants a look, a note is good to know.

**Your own weights.** `[check]` in `newsletter.toml` changes what a finding counts for all issues:
`severity = { P303 = "warning", P211 = "off" }`. A line in the front matter, `allow: [P303]`, accepts
it in one issue: it is counted as allowed, listed as such in JSON and SARIF, and shown no more. What
is marked *fixed* can be lowered by nobody: the law, or every reader, is at stake.

**Short by default.** Notes about the template, which an author cannot put right in an issue, are
counted and not shown; `--notes` shows them. `--strict` makes the exit code 3 for warnings, too.

**Other programs.** `--output json`; `--output sarif` for code scanning and editors (SARIF 2.1.0);
`--output github` for annotations in a workflow:

    broadsheet check --output github

**Links.** `check --links` asks the network, and only then: HEAD, then GET, at most five redirections,
eight links at a time and two to a site. It goes to public addresses only, at ports 80 and 443 (or
`check.link_ports`), resolves each name once and connects to the address that was looked at, sends no
cookie and no login, and reads no body.

Support data for mail programs (P903, P904): [caniemail.com](https://www.caniemail.com), MIT, state of
{date}; `python tests/data/caniemail/refresh.py` fetches it anew.
"""
FAMILIES: Final = {
    "P0": "What an issue allows",
    "P1": "Weight",
    "P2": "Links",
    "P3": "Subject and preheader",
    "P4": "Footer",
    "P5": "Everybody can read it",
    "P6": "HTML and text say the same",
    "P7": "Values of readers",
    "P8": "The message as it travels",
    "P9": "Mail programs",
}
SETTINGS: Final = """\
# Settings

They stand in `newsletter.toml`. The environment wins over the file: `BROADSHEET_`, the table, two
underscores, the key, such as `BROADSHEET_SENDER__HOST`. Passwords come from
`BROADSHEET_SENDER__PASSWORD` or from a file named in `password_file`, never from this file. Mistakes
are all said at once, each with its line.
"""
SENDERS: Final = """
What stands beside `kind` belongs to that sender:

| kind | key | |
|---|---|---|
| smtp | `preset` | `ses`, `postmark` and other names: host, port and limits as far as they are published; what is set beside it wins |
| smtp | `host`, `port` | the relay; 587 unless you say otherwise |
| smtp | `tls` | `starttls` (required, the default), `implicit` (port 465), `off` (loopback only with a login) |
| smtp | `user`, `auth` | account at the relay; `auto`, `plain`, `login`, or `xoauth2` with a token for a password |
| smtp | `rate`, `daily` | what it takes: `"14/s"`, `"600/min"`; messages a day |
| smtp | `warm_up`, `warm_up_from` | `[200, 500, 1000]`: messages on the first day, the second, ...; the first day |
| smtp | `connections` | 10 at most, opened as there is work for them |
| smtp | `messages_per_connection` | 100; less if the server says so |
| smtp | `pipelining` | `auto`, or `off` for a server that announces what it cannot do |
| smtp | `dsn` | `true` asks for delivery status notifications where the server knows them |
| smtp | `hello`, `ca_file` | our name in EHLO; certificates of a private authority, PEM |
| smtp | `timeout`, `dot_timeout`, `connect_timeout` | seconds until a whole reply: 300, 600, 30 |
| smtp | `relays` | several of them, as `[[sender.relays]]` tables with `name`, `weight` (share of the messages) and `backup` |
| eml | `folder` | where the messages are written |
| console | | prints a line a message |
"""


def diagnostics() -> str:
    """Return docs/diagnostics.md."""
    rows = (f"| {code} | {text} |\n" for code, text in diagnostic_codes().items())
    return DIAGNOSTICS + "".join(rows)


def checks_page() -> str:
    """Return docs/checks.md."""
    from pipeline.preflight.clients.rules import support

    page = CHECKS.replace("{date}", support().date)
    for start, title in FAMILIES.items():
        page += f"\n## {title}\n"
        page += "".join(_check(each) for each in checks().values() if each.code.startswith(start))
    return page


def _check(check: Check) -> str:
    weight = f"{check.severity}, fixed" if check.fixed else check.severity.value
    source = f" Source: {check.source}" if check.source else ""
    page = f"\n**{check.code}** ({weight}) {check.what}.\\\n"
    return page + f"*Why:* {check.why} *Remedy:* {check.remedy}{source}\n"


def settings() -> str:
    """Return docs/settings.md."""
    page = SETTINGS
    for name, table in SETTINGS_TABLES.items():
        purpose = (table.__doc__ or "").partition(":")[2].strip()
        page += f"\n## [{name}]\n\n{purpose[:1].upper()}{purpose[1:]}\n\n"
        keys = [each for each in fields(table) if each.name != table.others]
        if keys:
            page += "| key | default | |\n|---|---|---|\n"
        for key in keys:
            shown = key.default is not NODEFAULT and (key.default or key.default is False)
            default = f"`{_shown(key.default)}`" if shown else ""
            page += f"| `{key.encode_name}` | {default} | {_description(key.type)} |\n"
        if name == "sender":
            page += SENDERS
    return page


def _description(kind: Any) -> str:
    [described] = (each for each in get_args(kind)[1:] if isinstance(each, Meta))
    return str(described.description)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Address):
        value = value.mailbox.address
    seconds = getattr(value, "total_seconds", None)
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value))
    if seconds:
        return next(
            f"{seconds() / unit:g}{letter}"
            for letter, unit in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
            if seconds() % unit == 0 and (seconds() > 86400 or letter != "d")
        )
    return str(value)


PAGES: Final = {
    "checks.md": checks_page,
    "diagnostics.md": diagnostics,
    "settings.md": settings,
}

if __name__ == "__main__":
    for file_name, page in PAGES.items():
        (DOCS / file_name).write_text(page(), encoding="utf-8")
