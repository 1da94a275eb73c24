"""The relays as the delivery loop sees them."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from pipeline.errors import ConfigError
from pipeline.model.delivery import RelayLimits
from pipeline.model.ports import Work
from pipeline.senders.smtp.options import SmtpOptions, Tls, read_options
from pipeline.senders.smtp.pool import Pool


class Smtp(Struct, frozen=True):
    """One relay or several."""

    relays: tuple[SmtpOptions, ...]  # at least one; one of them is no backup
    contexts: Mapping[Path | None, ssl.SSLContext]  # by `ca_file`: loading one takes 35 ms

    @property
    def limits(self) -> Mapping[str, RelayLimits]:
        """What each relay takes; see `ports.StreamingSender.limits`."""
        return {relay.place: relay.limits for relay in self.relays}

    async def carry(self, work: Work) -> None:
        """Carry messages until there are no more; see `ports.StreamingSender.carry`.

        If it is cancelled, every connection is cut at once: a message whose end may have left is
        unanswered, any other is put back.

        Raises:
            SenderFault: no relay takes mail until a person changes something.
            SenderUnavailable: no relay answers.
        """
        await Pool([(relay, self._context(relay)) for relay in self.relays], work).run()

    def _context(self, relay: SmtpOptions) -> ssl.SSLContext | None:
        return None if relay.tls is Tls.OFF else self.contexts[relay.ca_file]


def build(options: Mapping[str, object]) -> Smtp:
    """Return the SMTP sender that `[sender]` describes.

    Options of a relay: preset, host, port, tls (starttls, implicit, off), user, password, auth
    (auto, plain, login, xoauth2), hello, ca_file, pipelining (auto, off), dsn, connections,
    messages_per_connection, rate, daily, warm_up, warm_up_from, and in seconds connect_timeout,
    timeout, dot_timeout. Several relays are tables in `relays`, with name, weight and backup.

    Raises:
        ConfigError: an option is missing, unknown, out of range or would show a password.
    """
    relays = read_options(options)
    files = {relay.ca_file for relay in relays if relay.tls is not Tls.OFF}
    return Smtp(relays, {file: _context(file) for file in files})


def _context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"sender.ca_file: {ca_file}: {error}") from error
