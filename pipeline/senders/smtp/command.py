"""Commands and messages into bytes: no I/O, and nothing that could be two commands."""

from __future__ import annotations

from base64 import b64encode
from typing import Final

DATA: Final = b"DATA\r\n"
QUIT: Final = b"QUIT\r\n"
RSET: Final = b"RSET\r\n"
STARTTLS: Final = b"STARTTLS\r\n"
AUTH_LOGIN: Final = b"AUTH LOGIN\r\n"


class BareLineEnd(ValueError):
    """A CR or LF on its own, which receivers read in different ways (CVE-2023-51764)."""


def ehlo(name: str) -> bytes:
    """Greet and ask for extensions."""
    return f"EHLO {name}\r\n".encode("ascii")


def helo(name: str) -> bytes:
    """Greet a server that knows no extensions."""
    return f"HELO {name}\r\n".encode("ascii")


def mail(sender: str, message: bytes, *, size: bool, smtputf8: bool) -> bytes:
    """Begin a transaction from a wire address.

    Args:
        sender: a wire address.
        message: what will follow, not dot-stuffed; its size and its 8-bit bytes are announced.
        size: whether the server wants to know the size (RFC 1870).
        smtputf8: whether this transaction has a non-ASCII address (RFC 6531 3.4).
    """
    words = [f"MAIL FROM:<{sender}>"]
    if size:
        words.append(f"SIZE={len(message)}")
    if not message.isascii():
        words.append("BODY=8BITMIME")
    if smtputf8:
        words.append("SMTPUTF8")
    return " ".join(words).encode() + b"\r\n"


def rcpt(recipient: str) -> bytes:
    """Name the one recipient, a wire address."""
    return f"RCPT TO:<{recipient}>\r\n".encode()


def auth_plain(user: str, password: str) -> bytes:
    """Log in with one line (RFC 4616)."""
    return b"AUTH PLAIN " + b64encode(f"\0{user}\0{password}".encode()) + b"\r\n"


def auth_word(word: str) -> bytes:
    """Answer one question of AUTH LOGIN."""
    return b64encode(word.encode()) + b"\r\n"


def dot_stuffed(message: bytes) -> bytes:
    """Return the message as DATA carries it, end mark included (RFC 5321 4.5.2).

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
    end = b".\r\n" if not message or message.endswith(b"\r\n") else b"\r\n.\r\n"
    return stuffed + end
