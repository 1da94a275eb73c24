"""A conversation with an IMAP server: the few commands we need, each within a deadline."""

from __future__ import annotations

import imaplib
import re
import select
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Timer
from typing import Any, Final, Literal, Self

from pipeline.errors import ConfigError
from pipeline.feedback.sources.port import LARGEST, SourceUnavailable

_UID: Final = re.compile(rb"\bUID (\d{1,10})\b")
_PLAIN_TEXT: Final = re.compile(r"[ -~]{1,200}")
_LOOK_S: Final = 0.5  # how soon a wait notices that it shall stop


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapAccount:
    """Where the mailbox is, and how to get in; there is no way in without TLS."""

    host: str
    user: str
    password: str = field(repr=False)
    port: int = 993
    tls: Literal["implicit", "starttls"] = "implicit"
    ca_file: Path | None = None  # who signed the server's certificate; None: as the system trusts
    folder: str = "INBOX"
    move_to: str | None = None  # where heard mail goes; None: it stays, marked as seen
    deadline_s: float = 60.0  # for each command

    def __post_init__(self) -> None:
        """Refuse what would break out of a command.

        Raises:
            ConfigError: a folder or the user has characters that are not printable ASCII.
        """
        for key, value in (("folder", self.folder), ("move_to", self.move_to or "x")):
            if not _PLAIN_TEXT.fullmatch(value):
                raise ConfigError(f"feedback.imap.{key}: only printable ASCII, without line ends")
        if not self.user.isprintable() or not self.password.isprintable():
            raise ConfigError("feedback.imap: the user or the password has control characters")


class ImapSession:
    """An open mailbox. Whatever goes wrong with the line or the server is SourceUnavailable."""

    def __init__(self, account: ImapAccount) -> None:
        self._account = account
        with self._explained():
            self._imap = _connect(account)
        try:
            with self._command():
                self._login()
            with self._command():
                self._expect(self._imap.select(_quoted(account.folder)), "SELECT")
                number = self._imap.response("UIDVALIDITY")[1][0]
        except BaseException:
            self.close()
            raise
        # The number under which UIDs go on meaning what they meant (RFC 9051 2.3.1.1).
        self.validity = int(number) if isinstance(number, bytes) else 0

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Say goodbye."""
        self.close()

    def after(self, last: int) -> list[int]:
        """Return the UIDs above `last`, in order."""
        with self._command():
            # Not SEARCH: its answer is one line, which imaplib refuses when it is long.
            lines = self._expect(self._imap.uid("FETCH", f"{last + 1}:*", "(UID)"), "FETCH")
        found = (_UID.search(line) for line in lines if isinstance(line, bytes))
        # n:* names the last mail even if that is below n (RFC 9051 9, seq-range).
        return sorted({uid for match in found if match and (uid := int(match[1])) > last})

    def read(self, uid: int) -> bytes | None:
        """Return the first LARGEST bytes of a mail, not marking it; None: it is gone."""
        with self._command():
            wanted = f"(UID BODY.PEEK[]<0.{LARGEST}>)"
            parts = self._expect(self._imap.uid("FETCH", str(uid), wanted), "FETCH")
        for part in parts:
            # A server may tell of other mails in between, but not of their bodies.
            if isinstance(part, tuple) and b"BODY[" in part[0].upper():
                return bytes(part[1])
        return None

    def mark(self, uid: int) -> None:
        """Mark a mail as seen, and move it if the account says where."""
        with self._command():
            store = self._imap.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Seen)")
            self._expect(store, "STORE")
        if self._account.move_to is not None:
            with self._command():
                move = self._imap.uid("MOVE", str(uid), _quoted(self._account.move_to))
                self._expect(move, "MOVE")  # RFC 6851

    def idle(self, stop: Event, limit_s: float) -> None:
        """Wait until the server has news (RFC 2177), `stop` is set or the time is over."""
        if "IDLE" not in self._imap.capabilities:
            stop.wait(limit_s)
            return
        end = time.monotonic() + limit_s
        with self._explained():
            self._imap.send(b"W1 IDLE\r\n")
            while not stop.is_set() and time.monotonic() < end:
                if self._readable():
                    with self._cut_after_deadline():
                        line = self._imap.readline()
                    if b" EXISTS" in line or b" RECENT" in line:
                        break
                    if not line.startswith((b"+", b"*")):
                        raise SourceUnavailable(f"{self._place}: the server ended the waiting")
            self._imap.send(b"DONE\r\n")

    def close(self) -> None:
        """Log out and hang up; never fails."""
        with suppress(OSError, imaplib.IMAP4.error), self._cut_after_deadline():
            self._imap.logout()
        _shut(self._imap)  # a logout that fails leaves the line open

    def _login(self) -> None:
        account = self._account
        try:
            # LOGIN is what every server has, but it takes ASCII alone.
            if (account.user + account.password).isascii():
                self._imap.login(account.user, account.password)
            else:
                secret = f"\0{account.user}\0{account.password}".encode()
                self._imap.authenticate("PLAIN", lambda _: secret)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            raise SourceUnavailable(
                f"{self._place}: the login was refused; look at feedback.imap.user and its"
                " password_file"
            ) from error
        # What a server can do may be another thing after the login (RFC 9051 6.2.2).
        known = self._expect(self._imap.capability(), "CAPABILITY")[-1].decode("ascii", "replace")
        self._imap.capabilities = tuple(known.upper().split())
        if account.move_to is not None and "MOVE" not in self._imap.capabilities:
            raise ConfigError(
                f"{self._place}: the server cannot MOVE; unset feedback.imap.move_to"
            )

    def _readable(self) -> bool:
        line = self._imap.sock
        if isinstance(line, ssl.SSLSocket) and line.pending():
            return True
        return bool(select.select([line], [], [], _LOOK_S)[0])

    @property
    def _place(self) -> str:
        return f"{self._account.host}:{self._account.port}"

    def _expect(self, answer: tuple[str, list[Any]], command: str) -> list[Any]:
        status, lines = answer
        if status != "OK":
            said = lines[0] if lines and isinstance(lines[0], bytes) else b""
            words = said.decode("ascii", "replace")[:200]
            raise SourceUnavailable(f"{self._place}: {command} was refused: {words!r}")
        return lines

    @contextmanager
    def _command(self) -> Iterator[None]:
        with self._explained(), self._cut_after_deadline():
            yield

    @contextmanager
    def _cut_after_deadline(self) -> Iterator[None]:
        """Hang up if this takes too long: a timeout of the socket is for each byte anew."""
        timer = Timer(self._account.deadline_s, _hang_up, (self._imap.sock,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            raise SourceUnavailable(
                f"{self._place}: its certificate is not to be trusted ({error.verify_message});"
                " name who signed it as feedback.imap.ca_file"
            ) from error
        except (OSError, imaplib.IMAP4.error) as error:
            raise SourceUnavailable(f"{self._place}: {error}") from error


def _connect(account: ImapAccount) -> imaplib.IMAP4:
    context = ssl.create_default_context(cafile=account.ca_file)
    if account.tls == "implicit":
        return imaplib.IMAP4_SSL(
            account.host, account.port, ssl_context=context, timeout=account.deadline_s
        )
    line = imaplib.IMAP4(account.host, account.port, timeout=account.deadline_s)
    try:
        line.starttls(context)  # raises where it is not offered: no login in the clear
    except BaseException:
        _shut(line)
        raise
    return line


def _shut(line: imaplib.IMAP4) -> None:
    with suppress(OSError):  # it is closed already
        line.shutdown()


def _hang_up(line: socket.socket) -> None:
    with suppress(OSError):
        # Not SSLSocket's own, which also takes the state away that a reader is using.
        socket.socket.shutdown(line, socket.SHUT_RDWR)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
