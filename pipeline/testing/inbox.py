"""What the sink took, in memory and in an audit file."""

from __future__ import annotations

import json
import os
import re
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

_MESSAGE_ID = re.compile(rb"^message-id:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)


class Keep(StrEnum):
    """How much of each message stays in memory."""

    EVERYTHING = "everything"
    DIGESTS = "digests"  # all but the bytes
    NOTHING = "nothing"  # only the number of messages


class Received(Struct, frozen=True, kw_only=True):
    """One message for one recipient."""

    sender: str
    recipient: str
    message_id: str  # the header as it stands, or nothing
    sha256: str  # of the bytes, hex
    size: int  # bytes
    bare_line_ends: int  # CR and LF that are no CRLF
    connection: int  # 1 for the first connection to the sink
    sender_options: str  # the parameters of MAIL as they came, such as "SIZE=1200 RET=HDRS"
    recipient_options: str  # those of RCPT
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

    def take(
        self,
        sender: str,
        recipient: str,
        data: bytes,
        *,
        connection: int,
        sender_options: str = "",
        recipient_options: str = "",
    ) -> None:
        """Keep one message; when this returns, the audit file has its line."""
        received = Received(
            sender=sender,
            recipient=recipient,
            message_id=_message_id(data),
            sha256=sha256(data).hexdigest(),
            size=len(data),
            # Half the cost of a message, and nobody can ask for what is not kept.
            bare_line_ends=0 if self._keep is Keep.NOTHING else _bare_line_ends(data),
            connection=connection,
            sender_options=sender_options,
            recipient_options=recipient_options,
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


def _message_id(data: bytes) -> str:
    # The end of the header is looked for, not cut off: a body may be long.
    end = data.find(b"\r\n\r\n")
    found = _MESSAGE_ID.search(data, 0, end if end >= 0 else len(data))
    return found[1].decode("utf-8", "replace").strip() if found else ""


def _bare_line_ends(data: bytes) -> int:
    return data.count(b"\r") + data.count(b"\n") - 2 * data.count(b"\r\n")


def _audit_line(received: Received) -> bytes:
    facts = {
        "recipient": received.recipient,
        "message_id": received.message_id,
        "sha256": received.sha256,
        "size": received.size,
        "connection": received.connection,
    }
    return json.dumps(facts).encode() + b"\n"
