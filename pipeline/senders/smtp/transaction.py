"""What a message needs to be carried: its commands and its body, if it can be carried at all."""

from __future__ import annotations

from pipeline.model.delivery import Outgoing
from pipeline.senders.address import BadAddress, wire_address
from pipeline.senders.fault import SenderFault
from pipeline.senders.smtp import command
from pipeline.senders.smtp.reply import Extensions


class Transactions:
    """Makes the transactions of one connection, for what its server offers.

    Args:
        offered: after STARTTLS.
        dsn: whether to ask for delivery status notifications, if they are offered.
    """

    def __init__(self, offered: Extensions, *, dsn: bool) -> None:
        self._offered = offered
        self._dsn = dsn and offered.dsn
        self._sender = ("", "")  # the last one: as it was given, and on the wire

    def prepare(self, outgoing: Outgoing) -> tuple[bytes, bytes, bytes]:
        """Return MAIL, RCPT and the body without its end mark.

        Raises:
            BadAddress: the recipient cannot be written to by this way.
            SenderFault: the message or its sender cannot be used, whoever it is for.
        """
        offered = self._offered
        body = self._body(outgoing)
        sender = self._wire_sender(outgoing.envelope.sender)
        recipient = wire_address(outgoing.envelope.recipient, smtputf8=offered.smtputf8)
        smtputf8 = not (sender.isascii() and recipient.isascii())
        return (
            command.mail(sender, outgoing, offered, smtputf8=smtputf8, dsn=self._dsn),
            command.rcpt(recipient, dsn=self._dsn),
            body,
        )

    def _body(self, outgoing: Outgoing) -> bytes:
        limit = self._offered.size
        if limit is not None and len(outgoing.message) > limit:
            raise SenderFault(
                f"the message has {len(outgoing.message)} bytes, and the server takes {limit}; "
                "make the issue smaller"
            )
        if outgoing.plain:
            return outgoing.message
        if not (self._offered.eight_bit or outgoing.message.isascii()):
            raise SenderFault("the message has 8-bit bytes, and the server takes none")
        try:
            return command.dot_stuffed(outgoing.message)
        except command.BareLineEnd as error:
            raise SenderFault(str(error)) from error

    def _wire_sender(self, sender: str) -> str:
        if sender != self._sender[0]:
            try:
                on_wire = wire_address(sender, smtputf8=self._offered.smtputf8)
            except BadAddress as error:
                raise SenderFault(f"the envelope sender cannot be used: {error}") from error
            self._sender = (sender, on_wire)
        return self._sender[1]
