"""What the parts of the engine ask one another: a flow its relay, a relay the pool of all."""

from __future__ import annotations

from typing import Protocol

from pipeline.model.delivery import Outgoing
from pipeline.senders.fault import SenderFault
from pipeline.senders.smtp.options import SmtpOptions
from pipeline.senders.smtp.reply import Lost


class Flowing(Protocol):
    """One connection that carries mail, as its relay sees it."""

    born_at: float  # when it was dialled, in time of the loop
    accepted: int  # messages
    useful: bool  # the server answered for at least one message
    is_idle: bool
    has_sent: bool  # a body was permitted

    @property
    def is_busy(self) -> bool:
        """Whether a message is in hand."""
        ...

    @property
    def unanswered_group(self) -> bool:
        """Whether the connection ended while the server had a pipelined group to answer."""
        ...

    def go(self) -> None:
        """Begin with the next message, or be idle again."""
        ...

    def finish(self) -> None:
        """End without a further message; a reply that is on its way is waited for."""
        ...

    def abort(self, why: str) -> None:
        """Hang up at once."""
        ...

    def check(self, now: float) -> None:
        """Hang up if a deadline has passed."""
        ...


class Owner(Protocol):
    """A relay, as its flows see it."""

    options: SmtpOptions
    serial: bool  # one command at a time, whatever is announced
    proven: bool  # it answered a pipelined group behind a message
    per_connection: int  # messages

    @property
    def stopped(self) -> bool:
        """Whether no message shall begin any more."""
        ...

    def take(self) -> Outgoing | None:
        """Return the next message, if there is one for this relay."""
        ...

    def idle(self, flow: Flowing) -> None:
        """Hear that a flow has nothing to do; `go` or `finish` is next."""
        ...

    def ended(self, flow: Flowing, why: Lost | None) -> None:
        """Hear that a flow takes no more messages; None: it says goodbye."""
        ...

    def gone(self, flow: Flowing) -> None:
        """Hear that nothing is left of a connection."""
        ...

    def blame(self, fault: SenderFault) -> None:
        """Hear that no message will be taken until a person changes something."""
        ...

    def crash(self, error: Exception) -> None:
        """Hear that our own side failed."""
        ...


class Shares(Protocol):
    """The pool of all relays, as each of them sees it."""

    over: bool  # the run is ending
    several: bool  # there is more than one relay

    @property
    def is_busy(self) -> bool:
        """Whether any connection of any relay has a message in hand."""
        ...

    def may_take(self, relay: Sharing) -> bool:
        """Tell whether it is a relay's turn, by its weight."""
        ...

    def carried(self) -> None:
        """Hear that a relay took a message."""
        ...

    def joins(self, relay: Sharing) -> None:
        """Hear that a relay has a connection, its first for some time."""
        ...

    def reconsider(self) -> None:
        """Hear that something changed: every relay decides anew."""
        ...

    def crash(self, error: Exception) -> None:
        """Hear that our own side failed."""
        ...


class Sharing(Protocol):
    """A relay, as far as weights go."""

    options: SmtpOptions
    taken: int  # messages
    taken_at: float  # in time of the loop
