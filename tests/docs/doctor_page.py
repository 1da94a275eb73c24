"""Write docs/doctor.md from the rules; `python tests/docs/doctor_page.py` after a change of them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pipeline.doctor.families import FAMILIES

PAGE: Final = Path(__file__).parents[2] / "docs" / "doctor.md"

START: Final = """\
# The doctor

`broadsheet doctor` looks at the newsletter as a mailbox provider, the law and a careful operator
would. Alone it stays on this machine: it composes the newest entry for an invented reader, and looks
at settings, files and the database without changing them. More is looked at when asked for:

    broadsheet doctor                                     settings, message, files, database
    broadsheet doctor --url                               the running site, at newsletter.site_url
    broadsheet doctor --url http://127.0.0.1:8025         the same, before it is public
    broadsheet doctor --dns --address 192.0.2.7           SPF, DKIM, DMARC, MX, PTR

With `--url` a person is made (`probe@` and the domain of From, on a list of their own), their link is
read as scanners read it and posted to as mailbox providers do, and they are deleted again. Nothing is
mailed to them. A subscriber who has that address is left alone, and the rules are not checked then.
With `--dns` the name servers of this machine are asked, or the one named by `--name-server`. It needs
the extra `broadsheet[doctor]`.

It leaves with 0 if nothing failed and with 3 otherwise. What only *should* hold counts with `--strict`.
What nobody can tell (no key, no database yet, nobody asked) is *not checked*: neither passed nor failed.
A site or a name server that was to be asked and does not answer is a failure, as nothing was proved.
`--output json` has everything for a program.

*must* and *should* are words of a standard, *provider* is what the large mailbox providers ask for, and
*law* is the law, as engineers read it. Two domains count as one organisation's if one is beneath the
other, or both beneath a third that is not open to everybody; the list of public suffixes is not asked.
"""


def page() -> str:
    """Return docs/doctor.md."""
    text = START
    for family in FAMILIES:
        text += f"\n## {family.name[:1].upper()}{family.name[1:]}\n\n{family.about}\n\n"
        text += "| rule | | level | source | remedy |\n|---|---|---|---|---|\n"
        for rule in family.rules:
            cells = (rule.code, rule.title, str(rule.level), rule.source, rule.remedy)
            text += f"| {' | '.join(map(_cell, cells))} |\n"
    return text


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
