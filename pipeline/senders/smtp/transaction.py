"""One message to one recipient: MAIL, RCPT, DATA, and the dot that changes the world."""

from __future__ import annotations

import re

from pipeline.model.delivery import Accepted, Envelope, Outcome, Unanswered
from pipeline.senders.address import BadAddress, wire_address
from pipeline.senders.fault import SenderFault
from pipeline.senders.smtp import command
from pipeline.senders.smtp.connection import Connection
from pipeline.senders.smtp.judge import Step, judge
from pipeline.senders.smtp.reply import Lost, Reply


def transact(connection: Connection, envelope: Envelope, message: bytes) -> Outcome:
    """Carry one message over an open connection.

    After `Unanswered` the connection is of no more use either.

    Raises:
        Lost: the message certainly was not accepted, and the connection is of no more use.
        SenderFault: the message certainly was not accepted, nor would the next one be.
    """
    data = _fit(connection, message)
    smtputf8 = connection.extensions.smtputf8
    try:
        sender = wire_address(envelope.sender, smtputf8=smtputf8)
    except BadAddress as error:
        raise SenderFault(f"the envelope sender cannot be used: {error}") from error
    try:
        recipient = wire_address(envelope.recipient, smtputf8=smtputf8)
    except BadAddress as error:
        return error.refusal()
    mail = command.mail(
        sender,
        message,
        size=connection.extensions.size is not None,
        smtputf8=not (sender.isascii() and recipient.isascii()),
    )
    _clear(connection)
    for step, line in (
        (Step.MAIL, mail),
        (Step.RCPT, command.rcpt(recipient)),
        (Step.DATA, command.DATA),
    ):
        reply = connection.ask(line)
        if reply.code >= 400:
            return judge(step, _nameless(reply, envelope.recipient))
        if (reply.code >= 300) is not (step is Step.DATA):
            raise Lost(f"the server answered {step} with {reply}")
    return _hand_over(connection, envelope, data)


def _fit(connection: Connection, message: bytes) -> bytes:
    """Return what DATA will carry, if the server takes such messages at all."""
    limit = connection.extensions.size
    if limit is not None and len(message) > limit:
        raise SenderFault(
            f"the message has {len(message)} bytes, and the server takes {limit}; "
            "make the issue smaller"
        )
    if not (message.isascii() or connection.extensions.eight_bit):
        raise SenderFault("the message has 8-bit bytes, and the server takes none")
    try:
        return command.dot_stuffed(message)
    except command.BareLineEnd as error:
        raise SenderFault(str(error)) from error


def _clear(connection: Connection) -> None:
    """Forget a transaction that a refusal left half open."""
    if connection.half_open:
        reply = connection.ask(command.RSET)
        if reply.code >= 300:
            raise Lost(f"the server answered RSET with {reply}")
    connection.half_open = True


def _hand_over(connection: Connection, envelope: Envelope, data: bytes) -> Outcome:
    connection.write(data)
    # From here on silence means that nobody knows (RFC 1047).
    connection.messages += 1
    connection.half_open = False
    try:
        reply = connection.reply(connection.deadlines.dot)
    except Lost as lost:
        return Unanswered(str(lost))
    if reply.code >= 400:
        return judge(Step.DOT, _nameless(reply, envelope.recipient))
    if reply.code >= 300:
        return Unanswered(f"the server answered the message with {reply}")
    return Accepted(reply.code, reply.text)


def _nameless(reply: Reply, address: str) -> Reply:
    """Take the reader's address out of a reply.

    The reason of a pause and a give-up outlives the reader's wish to be forgotten.
    """
    name = re.compile(re.escape(address), re.IGNORECASE)
    return Reply(reply.code, tuple(name.sub("...", line) for line in reply.lines))
