"""What a reader makes of a mail, before anybody asks who it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from pipeline.feedback.mime import Part
from pipeline.model.feedback import FeedbackKind

# An address as it stands in prose: nothing quoted, no trailing punctuation.
ADDRESS: Final = re.compile(
    r"(?<![\w.+-])(?:(?:SMTP|rfc822)=)?"
    r"(?P<address>[A-Za-z0-9_#$%&+{}~/-][A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{0,63}"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,8}[A-Za-z][A-Za-z0-9-]{1,62})"
)
_ROBOT: Final = re.compile(
    r"\b(?:mailer[-_.]?daemon|mail[-_. ]?delivery|delivery[-_. ]?(?:sub)?system|post-?master"
    r"|mail ?administrator|system administrator|mdaemon|mail[-_. ]service)\b",
    re.IGNORECASE,
)


class Finding(NamedTuple):
    """One verdict on one recipient."""

    kind: FeedbackKind
    recipient: str | None = None
    status: str | None = None
    reply: str = ""
    machine_readable: bool = False


def is_from_robot(message: Part) -> bool:
    """Say whether a mail system wrote it: it says so, or takes no answer (RFC 5321 4.5.5)."""
    writer = message.first("from")
    return (
        message.type == "multipart/report"
        or writer.rstrip().endswith("<>")
        or bool(_ROBOT.search(writer))
        or _is_unanswerable(message)
    )


def _is_unanswerable(message: Part) -> bool:
    """Say whether its envelope sender was empty, as it is of every true bounce."""
    paths = (*message.all("return-path"), *message.all("x-mailfrom"))
    return any(path.strip() == "<>" for path in paths)


def address_in(text: str) -> str | None:
    """Return the first address in a text."""
    return next(addresses_in(text), None)


def addresses_in(text: str) -> Iterator[str]:
    """Yield the addresses in a text."""
    return (match["address"].rstrip("-") for match in ADDRESS.finditer(text))
