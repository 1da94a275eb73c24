"""Where returned mail comes from: a folder, a file, a mailbox on a server, a pipe."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pipeline.errors import ConfigError
from pipeline.feedback.sources.imap import Imap, ImapAccount
from pipeline.feedback.sources.maildir import Maildir
from pipeline.feedback.sources.mbox import Mbox
from pipeline.feedback.sources.port import Source

FORMS: Final = "maildir:PATH, mbox:PATH or imap"


def open_source(mailbox: str, *, root: Path, state: Path, account: ImapAccount | None) -> Source:
    """Return the source that the setting `feedback.mailbox` names; nothing is opened yet.

    Args:
        mailbox: one of FORMS.
        root: where relative paths start.
        state: the folder in which positions are remembered.
        account: for imap.

    Raises:
        ConfigError: it is none of FORMS, or the account is missing.
    """
    kind, _, path = mailbox.partition(":")
    match kind, bool(path):
        case "maildir", True:
            return Maildir(root / path)
        case "mbox", True:
            return Mbox(file=root / path, memory=state / "mbox.json")
        case "imap", False if account is not None:
            return Imap(account=account, memory=state / "imap.json")
        case "imap", False:
            raise ConfigError("feedback.mailbox is imap: add host, user and password_file to it")
        case _:
            raise ConfigError(f"feedback.mailbox: {mailbox!r} is none of: {FORMS}")
