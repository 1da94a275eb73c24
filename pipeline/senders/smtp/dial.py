"""From a host name to a connection that may send: greeting, TLS, login."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from ipaddress import IPv6Address, ip_address
from typing import Final

from aiohappyeyeballs import start_connection

from pipeline.errors import SenderUnavailable
from pipeline.senders.fault import SenderFault
from pipeline.senders.smtp import command
from pipeline.senders.smtp.connection import TOO_LONG, Connection
from pipeline.senders.smtp.judge import CLOSING
from pipeline.senders.smtp.options import Auth, SmtpOptions, Tls, is_loopback
from pipeline.senders.smtp.reply import Extensions, Lost, Reply

HEAD_START: Final = 0.25  # seconds of each address before the next is tried too (RFC 8305 5)


class TurnedAway(SenderUnavailable):
    """421 before the first message: the server has as many connections as it wants."""


async def dial(options: SmtpOptions, context: ssl.SSLContext | None) -> Connection:
    """Return a connection that is greeted, encrypted as demanded, and logged in.

    Args:
        options: the relay.
        context: verifies certificates; None only if TLS is off.

    Raises:
        SenderFault: they will not have us, and waiting changes nothing.
        TurnedAway: they have enough of us.
        SenderUnavailable: nobody answers now.
    """
    connection = await _connect(options)
    try:
        await _introduce(connection, options, context)
    except Lost as lost:
        connection.close()
        if isinstance(lost.__cause__, ssl.SSLCertVerificationError):
            raise SenderFault(
                f"{options.place}: the certificate is not to be trusted: "
                f"{lost.__cause__.verify_message}"
            ) from lost
        raise SenderUnavailable(f"{options.place}: {lost}") from lost
    except BaseException:
        connection.close()
        raise
    return connection


async def _connect(options: SmtpOptions) -> Connection:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(options.deadlines.connect):
            addresses = await loop.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)
            sock = await start_connection(addresses, happy_eyeballs_delay=HEAD_START)
            _, connection = await loop.create_connection(
                lambda: Connection(options.deadlines), sock=sock
            )
    except TimeoutError as error:
        raise SenderUnavailable(f"{options.place}: {TOO_LONG} to connect") from error
    except socket.gaierror as error:
        kind = SenderFault if error.errno == socket.EAI_NONAME else SenderUnavailable
        raise kind(f"{options.place}: the host is not found: {error.strerror}") from error
    except OSError as error:
        # Of several addresses the text has all of them, and the number if they agree.
        words = os.strerror(error.errno) if error.errno else "no address answers"
        raise SenderUnavailable(f"{options.place}: {words}") from error
    except UnicodeError as error:
        raise SenderFault(f"{options.place}: that is no host name") from error
    return connection


async def _introduce(
    connection: Connection, options: SmtpOptions, context: ssl.SSLContext | None
) -> None:
    if options.tls is Tls.IMPLICIT and context:
        await connection.encrypt(context, options.host)
    _expect(220, "the greeting", await connection.reply(), options)
    connection.extensions = await _hello(connection, options)
    if options.tls is Tls.STARTTLS and context:
        await _start_tls(connection, options, context)
    if options.user is not None and options.password is not None:
        await _log_in(connection, options, options.user, options.password)
    connection.check()


async def _hello(connection: Connection, options: SmtpOptions) -> Extensions:
    name = options.hello or _literal(connection.local_address)
    reply = await connection.ask(command.ehlo(name))
    if reply.code == 250:
        return Extensions.of(reply)
    if reply.code >= 500:  # a server from before 1995 (RFC 5321 3.2)
        reply = await connection.ask(command.helo(name))
    _expect(250, "EHLO", reply, options)
    return Extensions()


async def _start_tls(
    connection: Connection, options: SmtpOptions, context: ssl.SSLContext
) -> None:
    if not connection.extensions.starttls:
        raise SenderFault(
            f"{options.place}: the server offers no STARTTLS, and mail does not go in the clear; "
            'if the server speaks TLS from the first byte, set sender.tls = "implicit"'
        )
    _expect(220, "STARTTLS", await connection.ask(command.STARTTLS), options)
    await connection.encrypt(context, options.host)
    # What was offered in the clear may have been said by anybody (RFC 3207 4.2).
    connection.extensions = await _hello(connection, options)


async def _log_in(connection: Connection, options: SmtpOptions, user: str, password: str) -> None:
    # Once on a connection: some servers (Brevo) take neither EHLO nor AUTH again.
    if not (connection.encrypted or is_loopback(options.host)):
        raise SenderFault(f"{options.place}: no password goes over a connection without TLS")
    match _mechanism(options, connection.extensions.auth):
        case Auth.XOAUTH2:
            reply = await connection.ask(command.auth_xoauth2(user, password))
            if reply.code == 334:  # says why not, and then wants to hear nothing
                reply = await connection.ask(command.NOTHING)
        case Auth.LOGIN:
            _expect(334, "AUTH LOGIN", await connection.ask(command.AUTH_LOGIN), options)
            _expect(334, "the user name", await connection.ask(command.auth_word(user)), options)
            reply = await connection.ask(command.auth_word(password))
        case _:
            reply = await connection.ask(command.auth_plain(user, password))
    _expect(235, "the login", reply, options)


def _mechanism(options: SmtpOptions, offered: frozenset[str]) -> Auth:
    wanted = (Auth.PLAIN, Auth.LOGIN) if options.auth is Auth.AUTO else (options.auth,)
    for mechanism in wanted:
        if mechanism.upper() in offered:
            return mechanism
    raise SenderFault(
        f"{options.place}: the server offers no login that we know "
        f"({', '.join(wanted).upper()}); it offers {', '.join(sorted(offered)) or 'none'}"
    )


def _expect(code: int, what: str, reply: Reply, options: SmtpOptions) -> None:
    if reply.code == code:
        return
    if reply.code == CLOSING:
        raise TurnedAway(f"{options.place}: the server refuses {what}: {reply}")
    if reply.code < 500:
        raise SenderUnavailable(f"{options.place}: the server puts off {what}: {reply}")
    raise SenderFault(f"{options.place}: the server refuses {what}: {reply}")


def _literal(address: str) -> str:
    # Our name without asking DNS, which may take seconds (RFC 5321 4.1.3, 4.1.4).
    number = ip_address(address.partition("%")[0])
    return f"[IPv6:{number}]" if isinstance(number, IPv6Address) else f"[{number}]"
