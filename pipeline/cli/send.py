"""broadsheet send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli.audience import audience_options
from pipeline.cli.confirm import confirm_people
from pipeline.cli.interrupt import Interruption
from pipeline.cli.meter import Meter
from pipeline.cli.place import Place, pass_place
from pipeline.errors import NotConfirmed
from pipeline.model.delivery import (
    Accepted,
    Deferred,
    DeliveryStatus,
    Outcome,
    Refused,
    Unanswered,
)

if TYPE_CHECKING:
    from pipeline.operations.deliver import Delivered
    from pipeline.operations.send import Rehearsal

_PARTLY_DONE = 5
_TRY_LATER = 75  # EX_TEMPFAIL (sysexits.h)


@click.command(
    epilog="Example: broadsheet send 091 --dry-run, then: broadsheet send 091 --confirm 1180"
)
@click.argument("entry")
@click.option("--test", "address", metavar="ADDRESS", help="Send one message to ADDRESS only")
@click.option("--dry-run", is_flag=True, help="Say who would get it; send nothing")
@click.option("--confirm", type=int, metavar="N", help="Number of people to mail, for scripts")
@audience_options
@click.option("--sender", "kind", metavar="KIND", help="Another way out: smtp, eml, console")
@pass_place
def send(
    place: Place,
    entry: str,
    address: str | None,
    confirm: int | None,
    kind: str | None,
    list_name: str,
    rule: str,
    *,
    dry_run: bool,
) -> int:
    """Send an approved ENTRY now, to everybody on a list, once.

    Who has the entry by another dispatch, such as that of another list, does not get it again.

    Interrupted, it goes on where it stopped when it is run again: nobody gets a second copy. A
    message that may or may not have left is listed as uncertain; a person decides about it.
    """
    app = place.app()
    id_ = app.entry_named(entry)
    if address:
        return _test(app.send_one(kind)(id_, address), address)
    audience = app.audience(list_name, rule)
    operation = app.send(app.sender(kind))
    rehearsal = operation.rehearse(id_, audience=audience)
    _show(rehearsal)
    if dry_run:
        click.echo("dry run: nothing was sent", err=True)
        return 0
    if rehearsal.people == 0 and rehearsal.dispatch is None:
        raise NotConfirmed("there is nobody to mail; add subscribers first")
    confirm_people(place, rehearsal.people, confirm)
    with Interruption() as interruption, Meter(rehearsal.people) as meter:
        delivered = operation(id_, audience=audience, stop=interruption.asked, progress=meter)
    _conclude(delivered)
    return interruption.exit_code or _exit_code(delivered)


def _test(outcome: Outcome, address: str) -> int:
    match outcome:
        case Accepted(code, reply) | Deferred(code, reply) | Refused(code, reply):
            said = f"{code} {reply}"
        case Unanswered(said):
            pass
    click.echo(f"{address}\t{type(outcome).__name__.lower()}\t{said}")
    return 0 if isinstance(outcome, Accepted) else 1


def _show(rehearsal: Rehearsal) -> None:
    entry, sender = rehearsal.entry, rehearsal.sender
    excluded = sum(rehearsal.left_out.values())
    reasons = ", ".join(f"{count} {reason}" for reason, count in rehearsal.left_out.items())
    lines = {
        "subject": entry.subject,
        "preheader": entry.preheader,
        "from": f"{sender.name} <{sender.address}>",
        "size": f"{rehearsal.message_bytes / 1000:.0f} KB a message",
        "audience": str(rehearsal.audience),
        "to": f"{rehearsal.people} people"
        + (f"; {excluded} left out ({reasons})" if reasons else ""),
        "first": ", ".join(rehearsal.first) or "-",
        "checks": f"{entry.errors} errors, {entry.warnings} warnings",
    }
    if rehearsal.dispatch:
        lines["dispatch"] = f"{rehearsal.dispatch.id}, {rehearsal.dispatch.state}: goes on"
    if rehearsal.dispatch and rehearsal.recovered:
        lines["recovered"] = (
            f"{rehearsal.recovered} were on the wire when that run died; "
            f"see: broadsheet status {rehearsal.dispatch.id} --uncertain"
        )
    for label, text in lines.items():
        click.echo(f"{label:>10}  {text}", err=True)


def _conclude(delivered: Delivered) -> None:
    dispatch, counts, report = delivered.dispatch, delivered.counts, delivered.report
    said = ", ".join(f"{n} {status}" for status, n in counts.by_status.items() if n) or "nobody"
    click.echo(f"dispatch {dispatch.id}\t{dispatch.state}\t{said}")
    for note in delivered.notes:
        click.echo(note, err=True)
    if not counts.balances:
        click.echo(f"the ledger does not balance: {counts}", err=True)
    if report.paused_reason:
        click.echo(
            f"the way out is closed: {report.paused_reason}\nnobody is blamed; "
            "run the same command again to go on",
            err=True,
        )
    elif report.resumes_at:
        click.echo(
            f"the quota is used up until {report.resumes_at:%Y-%m-%d %H:%M} UTC; "
            "`broadsheet serve` goes on then, or run this again",
            err=True,
        )
    elif counts.by_status[DeliveryStatus.DEFERRED]:
        click.echo(
            "the deferred are tried again by `broadsheet serve`, or run this again", err=True
        )


def _exit_code(delivered: Delivered) -> int:
    by_status = delivered.counts.by_status
    if delivered.report.sender_fault:
        return 2
    report = delivered.report
    if report.paused_reason or report.resumes_at or by_status[DeliveryStatus.DEFERRED]:
        return _TRY_LATER
    unsure = by_status[DeliveryStatus.REFUSED] + by_status[DeliveryStatus.UNCERTAIN]
    return _PARTLY_DONE if unsure else 0
