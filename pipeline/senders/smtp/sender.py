"""The relay as the delivery loop sees it: sessions that outlive their connections."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.errors import ConfigError, SenderUnavailable
from pipeline.model.delivery import Envelope, Outcome, Unanswered
from pipeline.senders.smtp.connection import Connection
from pipeline.senders.smtp.dial import dial
from pipeline.senders.smtp.options import SmtpOptions, Tls, read_options
from pipeline.senders.smtp.reply import Lost
from pipeline.senders.smtp.transaction import transact


@dataclass(frozen=True, slots=True)
class Smtp:
    """One relay; opening a session connects."""

    options: SmtpOptions
    context: ssl.SSLContext | None  # made once: loading the authorities takes 35 ms

    @contextmanager
    def open(self) -> Iterator[SmtpSession]:
        """Connect; see `ports.Sender.open`."""
        session = SmtpSession(self, dial(self.options, self.context))
        try:
            yield session
        finally:
            session.close()


class SmtpSession:
    """A way out that reconnects when a connection is worn out or cut."""

    def __init__(self, sender: Smtp, connection: Connection) -> None:
        self._sender = sender
        self._idle: Connection | None = connection  # between transactions, fit for another

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        """Send one message; see `ports.Session.send`."""
        try:
            return self._try(envelope, message)
        except Lost:
            # It did not arrive, and an idle connection may have been closed long ago.
            return self._try_once_more(envelope, message)

    def close(self) -> None:
        """Say goodbye."""
        if self._idle:
            self._idle.quit()
            self._idle = None

    def _try_once_more(self, envelope: Envelope, message: bytes) -> Outcome:
        try:
            return self._try(envelope, message)
        except Lost as lost:
            raise SenderUnavailable(f"{self._sender.options.place}: {lost}") from lost

    def _try(self, envelope: Envelope, message: bytes) -> Outcome:
        connection = self._idle or dial(self._sender.options, self._sender.context)
        # Nobody says QUIT into the middle of a message: until it is whole again, it is not ours.
        self._idle = None
        try:
            outcome = transact(connection, envelope, message)
        except BaseException:
            connection.close()
            raise
        self._put_away(connection, outcome)
        return outcome

    def _put_away(self, connection: Connection, outcome: Outcome) -> None:
        if isinstance(outcome, Unanswered):
            connection.close()
        elif connection.messages >= self._sender.options.messages_per_connection:
            connection.quit()
        else:
            self._idle = connection


def build(options: Mapping[str, object]) -> Smtp:
    """Return the SMTP sender that `[sender]` describes.

    Options: host, port, tls (starttls, implicit, off), user, password, hello, ca_file,
    messages_per_connection, and in seconds connect_timeout, timeout, dot_timeout.

    Raises:
        ConfigError: an option is missing, unknown, out of range or would show a password.
    """
    read = read_options(options)
    if read.tls is Tls.OFF:
        return Smtp(read, None)
    try:
        return Smtp(read, ssl.create_default_context(cafile=read.ca_file))
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"sender.ca_file: {read.ca_file}: {error}") from error
