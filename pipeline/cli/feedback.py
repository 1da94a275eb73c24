"""broadsheet feedback."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from pipeline.cli.interrupt import Interruption
from pipeline.cli.output import emit, output_option
from pipeline.cli.place import Place, pass_place
from pipeline.errors import BroadsheetError

if TYPE_CHECKING:
    from pipeline.feedback.sources.keep import Kept
    from pipeline.operations.collect import Collected

_TRY_AGAIN: Final = 75  # EX_TEMPFAIL (sysexits.h)


@click.group(epilog="Example: broadsheet feedback collect --follow")
def feedback() -> None:
    """Hear what comes back: bounces, complaints, mails that unsubscribe."""


@feedback.command(epilog="Example: broadsheet feedback collect")
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C, hearing mail as it comes")
@click.option(
    "--every",
    "every_s",
    default=300.0,
    show_default=True,
    help="With --follow: seconds between looks, where the mailbox does not announce mail",
)
@pass_place
def collect(place: Place, every_s: float, *, follow: bool) -> int:
    """Hear every new mail in the mailbox of the settings (feedback.mailbox).

    Mail is marked only when it was heard: stop it as you like. Hearing a mail twice changes
    nothing. `broadsheet serve` does the same all the time.
    """
    operation = place.app().collect()
    with Interruption() as interruption:
        if follow:
            operation.follow(interruption.stop, every_s=every_s, say=_say)
        else:
            _say(operation(stop=interruption.stop.is_set))
    return interruption.exit_code


@feedback.command(epilog="Example: broadsheet feedback pipe < returned-mail.eml")
@pass_place
def pipe(place: Place) -> int:
    """Hear one mail on standard input, for mail servers that call a command.

    Leaves with 0 when the mail was heard or is kept for a person, and with 75 (try again later)
    whenever it was not: any other code would make the server give it up.
    """
    from pipeline.feedback.sources.pipe import read_mail

    try:
        raw = read_mail(sys.stdin.buffer)
        place.app().receive()(raw, source="pipe")
    except BroadsheetError as error:
        click.echo(f"try again later: {error}", err=True)
        return _TRY_AGAIN
    except Exception as error:  # noqa: BLE001 - the mail must come again, whatever broke
        # Its type only: this line stands in a mail server's log, and the message may quote.
        click.echo(f"try again later: {type(error).__name__}", err=True)
        return _TRY_AGAIN
    return 0


@feedback.command("list", epilog="Example: broadsheet feedback list --unread")
@click.option("--unread", is_flag=True, help="The mails that nobody could read")
@output_option
@pass_place
def list_(place: Place, output: str | None, *, unread: bool) -> None:
    """Count what came back of each dispatch, or list the mails that wait for a person."""
    app = place.app()
    if unread:
        rows = [_row(kept) for kept in app.unread.all()]
        emit(rows, ("id", "kept", "kind", "bytes", "subject"), output, key="id")
        return
    counts = (
        {"dispatch": each.id, "entry": each.entry, "kind": kind.value, "count": count}
        for each in app.dispatches.all()
        for kind, count in app.feedbacks.counts(each.id).items()
    )
    emit(counts, ("dispatch", "entry", "kind", "count"), output, key="dispatch")


@feedback.command(epilog="Example: broadsheet feedback show 3f9a0c")
@click.argument("id", metavar="ID")
@pass_place
def show(place: Place, id: str) -> None:  # noqa: A002 - Click passes arguments by their name
    """Show a kept mail; ID is the start of one that `feedback list --unread` shows."""
    unread = place.app().unread
    raw = unread.read(unread.find(id))
    if sys.stdout.isatty():
        # A mail may hold what a terminal obeys.
        click.echo("".join(map(_harmless, raw.decode("utf-8", "replace"))))
    else:
        sys.stdout.buffer.write(raw)


@feedback.command(epilog="Example: broadsheet feedback replay")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@pass_place
def replay(place: Place, ids: tuple[str, ...]) -> None:
    """Hear kept mails once more, all of them or those named; as after an update.

    What is heard now is not kept any longer.
    """
    app = place.app()
    chosen = [app.unread.find(start) for start in ids] if ids else app.unread.all()
    _say(app.replay()(chosen))


def _say(found: Collected) -> None:
    click.echo(f"heard\t{found.heard}")
    if found.unread:
        click.echo(f"unread\t{found.unread}")
        click.echo("what nobody could read: broadsheet feedback list --unread", err=True)


def _row(kept: Kept) -> dict[str, object]:
    return {
        "id": kept.id[:12],
        "kept": kept.at.strftime("%Y-%m-%d %H:%M UTC"),
        "kind": kept.kind,
        "bytes": kept.size,
        "subject": kept.subject,
    }


def _harmless(letter: str) -> str:
    return letter if letter.isprintable() or letter in "\n\t" else "" if letter == "\r" else "�"
