"""From a host name to a connection that may send: greeting, TLS, login."""

from __future__ import annotations

import socket
import ssl
from ipaddress import IPv6Address, ip_address

from pipeline.errors import SenderUnavailable
from pipeline.senders.fault import SenderFault
from pipeline.senders.smtp import command
from pipeline.senders.smtp.connection import Connection
from pipeline.senders.smtp.options import SmtpOptions, Tls, is_loopback
from pipeline.senders.smtp.reply import Extensions, Lost, Reply


def dial(options: SmtpOptions, context: ssl.SSLContext | None) -> Connection:
    """Return a connection that is greeted, encrypted as demanded, and logged in.

    Args:
        options: the relay.
        context: verifies certificates; None only if TLS is off.

    Raises:
        SenderFault: they will not have us, and waiting changes nothing.
        SenderUnavailable: nobody answers now.
    """
    connection = Connection(_socket(options), options.deadlines)
    try:
        _introduce(connection, options, context)
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


def _socket(options: SmtpOptions) -> socket.socket:
    try:
        return socket.create_connection(
            (options.host, options.port), timeout=options.deadlines.connect
        )
    except socket.gaierror as error:
        kind = SenderFault if error.errno == socket.EAI_NONAME else SenderUnavailable
        raise kind(f"{options.place}: the host is not found: {error.strerror}") from error
    except OSError as error:
        raise SenderUnavailable(f"{options.place}: {error.strerror or error}") from error
    except UnicodeError as error:
        raise SenderFault(f"{options.place}: that is no host name") from error


def _introduce(
    connection: Connection, options: SmtpOptions, context: ssl.SSLContext | None
) -> None:
    if options.tls is Tls.IMPLICIT and context:
        connection.encrypt(context, options.host)
    _expect(220, "the greeting", connection.reply(options.deadlines.reply), options)
    connection.extensions = _hello(connection, options)
    if options.tls is Tls.STARTTLS and context:
        _start_tls(connection, options, context)
    if options.user is not None and options.password is not None:
        _log_in(connection, options, options.user, options.password)


def _hello(connection: Connection, options: SmtpOptions) -> Extensions:
    name = options.hello or _literal(connection.local_address)
    reply = connection.ask(command.ehlo(name))
    if reply.code == 250:
        return Extensions.of(reply)
    if reply.code >= 500:  # a server from before 1995 (RFC 5321 3.2)
        reply = connection.ask(command.helo(name))
    _expect(250, "EHLO", reply, options)
    return Extensions()


def _start_tls(connection: Connection, options: SmtpOptions, context: ssl.SSLContext) -> None:
    if not connection.extensions.starttls:
        raise SenderFault(
            f"{options.place}: the server offers no STARTTLS, and mail does not go in the clear; "
            'if the server speaks TLS from the first byte, set sender.tls = "implicit"'
        )
    _expect(220, "STARTTLS", connection.ask(command.STARTTLS), options)
    connection.encrypt(context, options.host)
    # What was offered in the clear may have been said by anybody (RFC 3207 4.2).
    connection.extensions = _hello(connection, options)


def _log_in(connection: Connection, options: SmtpOptions, user: str, password: str) -> None:
    if not (connection.encrypted or is_loopback(options.host)):
        raise SenderFault(f"{options.place}: no password goes over a connection without TLS")
    offered = connection.extensions.auth
    if "PLAIN" in offered:
        reply = connection.ask(command.auth_plain(user, password))
    elif "LOGIN" in offered:
        _expect(334, "AUTH LOGIN", connection.ask(command.AUTH_LOGIN), options)
        _expect(334, "the user name", connection.ask(command.auth_word(user)), options)
        reply = connection.ask(command.auth_word(password))
    else:
        raise SenderFault(
            f"{options.place}: the server offers no login that we know (PLAIN, LOGIN); "
            f"it offers {', '.join(sorted(offered)) or 'none'}"
        )
    _expect(235, "the login", reply, options)


def _expect(code: int, what: str, reply: Reply, options: SmtpOptions) -> None:
    if reply.code == code:
        return
    if 400 <= reply.code < 500:
        raise SenderUnavailable(f"{options.place}: the server puts off {what}: {reply}")
    raise SenderFault(f"{options.place}: the server refuses {what}: {reply}")


def _literal(address: str) -> str:
    # Our name without asking DNS, which may take seconds (RFC 5321 4.1.3, 4.1.4).
    number = ip_address(address.partition("%")[0])
    return f"[IPv6:{number}]" if isinstance(number, IPv6Address) else f"[{number}]"
