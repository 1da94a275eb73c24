"""Commands and messages into bytes: no I/O, and nothing that could be two commands."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Final

from pipeline.model.delivery import Outgoing
from pipeline.senders.smtp.reply import Extensions

DATA: Final = b"DATA\r\n"
QUIT: Final = b"QUIT\r\n"
RSET: Final = b"RSET\r\n"
STARTTLS: Final = b"STARTTLS\r\n"
AUTH_LOGIN: Final = b"AUTH LOGIN\r\n"
END: Final = b".\r\n"  # behind a message whose last line is ended
NOTHING: Final = b"\r\n"  # the answer to a challenge that only explains a refusal

_MESSAGE_ID = re.compile(rb"^message-id:[ \t]*<([!-~]{1,100})>", re.IGNORECASE | re.MULTILINE)


class BareLineEnd(ValueError):
    """A CR or LF on its own, which receivers read in different ways (CVE-2023-51764)."""


def ehlo(name: str) -> bytes:
    """Greet and ask for extensions."""
    return f"EHLO {name}\r\n".encode("ascii")


def helo(name: str) -> bytes:
    """Greet a server that knows no extensions."""
    return f"HELO {name}\r\n".encode("ascii")


def mail(
    sender: str, outgoing: Outgoing, offered: Extensions, *, smtputf8: bool, dsn: bool
) -> bytes:
    """Begin a transaction.

    Args:
        sender: a wire address.
        outgoing: what will follow; its size and its 8-bit bytes are announced.
        offered: what the server wants to know (RFC 1870).
        smtputf8: whether this transaction has a non-ASCII address (RFC 6531 3.4).
        dsn: whether a notification shall come back with headers only, and how it names the
            message: by its Message-ID (RFC 3461 4.3, 4.4).
    """
    size = f" SIZE={len(outgoing.message)}" if offered.size is not None else ""
    body = "" if outgoing.plain or outgoing.message.isascii() else " BODY=8BITMIME"
    utf8 = " SMTPUTF8" if smtputf8 else ""
    ret = f" RET=HDRS{_envid(outgoing.message)}" if dsn else ""
    return f"MAIL FROM:<{sender}>{size}{body}{utf8}{ret}\r\n".encode()


def rcpt(recipient: str, *, dsn: bool) -> bytes:
    """Name the one recipient, a wire address; ask for news of failure and delay (RFC 3461)."""
    notify = ""
    if dsn:
        notify = " NOTIFY=FAILURE,DELAY"
        if recipient.isascii():  # other addresses need a type of their own (RFC 6533 3)
            notify += f" ORCPT=rfc822;{xtext(recipient)}"
    return f"RCPT TO:<{recipient}>{notify}\r\n".encode()


def xtext(words: str) -> str:
    """Write ASCII so that it is one parameter value (RFC 3461 4)."""
    return "".join(
        char if "!" <= char <= "~" and char not in "+=" else f"+{ord(char):02X}" for char in words
    )


def auth_plain(user: str, password: str) -> bytes:
    """Log in with one line (RFC 4616)."""
    return b"AUTH PLAIN " + b64encode(f"\0{user}\0{password}".encode()) + b"\r\n"


def auth_xoauth2(user: str, token: str) -> bytes:
    """Log in with an access token in one line (Google's and Microsoft's XOAUTH2)."""
    words = f"user={user}\x01auth=Bearer {token}\x01\x01"
    return b"AUTH XOAUTH2 " + b64encode(words.encode()) + b"\r\n"


def auth_word(word: str) -> bytes:
    """Answer one question of AUTH LOGIN."""
    return b64encode(word.encode()) + b"\r\n"


def dot_stuffed(message: bytes) -> bytes:
    """Return the message with dots doubled at line starts (RFC 5321 4.5.2).

    A message that does not end its last line gets that line end: without one it cannot be sent.

    Raises:
        BareLineEnd: repairing would change signed bytes, and passing it on smuggles.
    """
    pairs = message.count(b"\r\n")
    if pairs != message.count(b"\n") or pairs != message.count(b"\r"):
        raise BareLineEnd("the message has a bare CR or LF; its lines must end in CRLF")
    stuffed = message.replace(b"\n.", b"\n..")
    if message.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed if not message or message.endswith(b"\r\n") else stuffed + b"\r\n"


def _envid(message: bytes) -> str:
    found = _MESSAGE_ID.search(message.partition(b"\r\n\r\n")[0])
    # At most 100 characters once it is written (RFC 3461 4.4).
    written = xtext(found[1].decode("ascii")) if found else ""
    return f" ENVID={written}" if 0 < len(written) <= 100 else ""
