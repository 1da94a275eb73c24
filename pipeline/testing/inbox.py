"""What the sink took, in memory and in an audit file."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

_MESSAGE_ID = re.compile(rb"^message-id:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)


class Keep(StrEnum):
    """How much of each message stays in memory."""

    EVERYTHING = "everything"
    DIGESTS = "digests"  # all but the bytes
    NOTHING = "nothing"  # only the number of messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One message for one recipient."""

    sender: str
    recipient: str
    message_id: str  # the header as it stands, or nothing
    sha256: str  # of the bytes, hex
    size: int  # bytes
    bare_line_ends: int  # CR and LF that are no CRLF
    connection: int  # 1 for the first connection to the sink
    data: bytes  # dots taken out; empty unless everything is kept


class Inbox:
    """Everything taken so far; one thread writes, any may read."""

    def __init__(self, *, audit: Path | None = None, keep: Keep = Keep.EVERYTHING) -> None:
        self._messages: list[Received] = []
        self._keep = keep
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._audit = os.open(audit, flags, 0o600) if audit else None
        self.count = 0

    @property
    def messages(self) -> tuple[Received, ...]:
        """The messages in the order they came."""
        return tuple(self._messages)

    def take(self, sender: str, recipient: str, data: bytes, connection: int) -> None:
        """Keep one message; when this returns, the audit file has its line."""
        found = _MESSAGE_ID.search(data.partition(b"\r\n\r\n")[0])
        received = Received(
            sender=sender,
            recipient=recipient,
            message_id=found[1].decode("utf-8", "replace").strip() if found else "",
            sha256=sha256(data).hexdigest(),
            size=len(data),
            bare_line_ends=data.count(b"\r") + data.count(b"\n") - 2 * data.count(b"\r\n"),
            connection=connection,
            data=data if self._keep is Keep.EVERYTHING else b"",
        )
        if self._audit is not None:
            os.write(self._audit, _audit_line(received))
        if self._keep is not Keep.NOTHING:
            self._messages.append(received)
        self.count += 1

    def close(self) -> None:
        """Close the audit file."""
        if self._audit is not None:
            os.close(self._audit)
            self._audit = None


def _audit_line(received: Received) -> bytes:
    facts = {
        "recipient": received.recipient,
        "message_id": received.message_id,
        "sha256": received.sha256,
        "size": received.size,
        "connection": received.connection,
    }
    return json.dumps(facts).encode() + b"\n"
