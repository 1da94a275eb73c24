"""The command line: parses input, calls one operation, answers.

`broadsheet --help` imports nothing but Click: each command is a module loaded when it is used.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Final

import click

from pipeline import __version__
from pipeline.cli.lazy import LazyGroup
from pipeline.errors import BroadsheetError

_OBJECTS: Final = 50_000  # made since the last look for what nothing needs any more

COMMANDS: Final = {
    "init": ("pipeline.cli.init:init", "Make a new workspace in a folder."),
    "new": ("pipeline.cli.new:new", "Start an issue file."),
    "check": ("pipeline.cli.check:check", "Say what is wrong with issue files; write nothing."),
    "preview": ("pipeline.cli.preview:preview", "See in a browser what would be sent."),
    "build": ("pipeline.cli.build:build", "Render issue files and freeze them in the outbox."),
    "convert": ("pipeline.cli.convert:convert", "Write an issue file as canonical Markdown."),
    "explain": ("pipeline.cli.explain:explain", "Explain a diagnostic code."),
    "template": ("pipeline.cli.template:template", "List, start and check templates of mails."),
    "approve": ("pipeline.cli.approve:approve", "Say that an entry may be sent as it is."),
    "schedule": ("pipeline.cli.schedule:schedule", "Send an approved entry at a given time."),
    "send": ("pipeline.cli.send:send", "Send an approved entry now, to everybody once."),
    "status": ("pipeline.cli.status:status", "Show what was sent, to how many, and what is next."),
    "pause": ("pipeline.cli.control:pause", "Stop a dispatch; nobody is blamed."),
    "resume": ("pipeline.cli.control:resume", "Let a paused or missed dispatch go on."),
    "cancel": ("pipeline.cli.control:cancel", "Give a dispatch up."),
    "retry": ("pipeline.cli.retry:retry", "Send again to whom it did not reach."),
    "subscribers": ("pipeline.cli.subscribers:subscribers", "Add, import and list people."),
    "feedback": (
        "pipeline.cli.feedback:feedback",
        "Hear bounces, complaints and mails that unsubscribe.",
    ),
    "feeds": ("pipeline.cli.feeds:feeds", "Write RSS, Atom, JSON Feed and issue pages."),
    "dkim": ("pipeline.cli.dkim:dkim", "Make the keys that sign mail; show their DNS records."),
    "keys": ("pipeline.cli.keys:keys", "Change the keys that sign links."),
    "serve": ("pipeline.cli.serve:serve", "Run the clock, and the site and outbox over HTTP."),
    "doctor": ("pipeline.cli.doctor:doctor", "Look at it all as a mailbox provider would."),
    "demo": ("pipeline.cli.demo:demo", "Walk the whole way on the sample, to 1,000 readers."),
    "plugins": ("pipeline.cli.plugins:plugins", "List formats, senders and feeds."),
}


@click.group(
    cls=LazyGroup,
    commands_by_name=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "BROADSHEET"},
    epilog="Start with: broadsheet init letter && cd letter && broadsheet build",
)
@click.option(
    "-C",
    "--workspace",
    type=click.Path(file_okay=False, exists=True),
    help="Folder with newsletter.toml  [default: this one or the nearest above]",
)
@click.option("--no-input", is_flag=True, help="Never ask; fail where an answer would be needed")
@click.version_option(__version__, prog_name="broadsheet")
@click.pass_context
def cli(context: click.Context, workspace: str | None, *, no_input: bool) -> None:
    """Publish a newsletter from text files: build, check, approve, send once."""
    from pipeline.cli.place import Place

    context.obj = Place(workspace=workspace, no_input=no_input)


def main() -> None:
    """Run the command line and leave with an exit code of docs/commands.md."""
    # Loading modules makes much and drops little: looking through it all is a tenth of a build.
    gc.set_threshold(_OBJECTS)
    code = run()
    # All of it goes with the process now; Python would look through it once more, and longer.
    gc.freeze()
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code. Every deliberate error ends here."""
    try:
        code = cli.main(args=arguments, prog_name="broadsheet", standalone_mode=False)
        sys.stdout.flush()
    except BroadsheetError as error:
        from pipeline.cli.report import report

        report(error)
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 130
    except BrokenPipeError:
        # The reader of our output has had enough; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code if isinstance(code, int) else 0
