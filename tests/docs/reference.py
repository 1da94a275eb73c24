"""Writes the reference pages that follow from the code: `make docs`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pipeline.app import diagnostic_codes
from pipeline.settings.tables import SETTINGS_TABLES

DOCS: Final = Path(__file__).parents[2] / "docs"

DIAGNOSTICS: Final = """\
# Diagnostics

Every finding has a stable code; `broadsheet explain CODE` says the same as this page. `E`, `W` and
`I` come from reading an issue file: errors, warnings and notes. `P` comes from preflight, the
checks of the rendered mail. Errors stop approval; nothing else does.

| code | meaning |
|---|---|
"""
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
| smtp | `host`, `port` | the relay; 587 unless you say otherwise |
| smtp | `tls` | `starttls` (required, the default), `implicit` (port 465), `off` (loopback only with a login) |
| smtp | `user` | account at the relay |
| smtp | `hello` | our name in EHLO |
| smtp | `ca_file` | certificates of a private authority, PEM |
| smtp | `messages_per_connection` | 100 |
| eml | `folder` | where the messages are written |
| console | | prints a line a message |
"""


def diagnostics() -> str:
    """Return docs/diagnostics.md."""
    rows = (f"| {code} | {text} |\n" for code, text in diagnostic_codes().items())
    return DIAGNOSTICS + "".join(rows)


def settings() -> str:
    """Return docs/settings.md."""
    page = SETTINGS
    for name, table in SETTINGS_TABLES.items():
        purpose = (table.__doc__ or "").partition(":")[2].strip()
        page += f"\n## [{name}]\n\n{purpose[:1].upper()}{purpose[1:]}\n\n"
        page += "| key | default | |\n|---|---|---|\n"
        for field_name, field in table.model_fields.items():
            default = "" if field.default in {None, ""} else f"`{_shown(field.default)}`"
            page += f"| `{field.alias or field_name}` | {default} | {field.description} |\n"
        if name == "sender":
            page += SENDERS
    return page


def _shown(value: object) -> str:
    address = getattr(value, "address", None)
    seconds = getattr(value, "total_seconds", None)
    return str(address or (f"{seconds() / 3600:g}h" if seconds else value))


PAGES: Final = {"diagnostics.md": diagnostics, "settings.md": settings}

if __name__ == "__main__":
    for file_name, page in PAGES.items():
        (DOCS / file_name).write_text(page(), encoding="utf-8")
