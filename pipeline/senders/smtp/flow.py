"""Transactions over one connection, as fast as its server can take them.

In the steady state there is one write and one read a message:
[body k][.][MAIL k+1][RCPT k+1][DATA] is answered by 250 250 250 354 (RFC 2920). No task, no timer
and no future belongs to a message.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Final

from pipeline.model.delivery import Accepted, Deferred, Outgoing, Refused, Unanswered
from pipeline.model.ports import Work
from pipeline.senders.address import BadAddress
from pipeline.senders.fault import SenderFault
from pipeline.senders.smtp import command
from pipeline.senders.smtp.connection import CLOSED, TOO_LONG, Connection, reason
from pipeline.senders.smtp.judge import CLOSING, Closing, Step, judge
from pipeline.senders.smtp.outlet import BLOCK, Outlet
from pipeline.senders.smtp.reply import Lost, Reply, ReplyParser, words_of
from pipeline.senders.smtp.roles import Owner
from pipeline.senders.smtp.transaction import Transactions

GOODBYE: Final = 5.0  # seconds for the reply to QUIT; nobody's mail depends on it

# Members of an enumeration are looked up by a call, each time.
_DATA, _DOT, _QUIT = Step.DATA, Step.DOT, Step.QUIT
_GROUP: Final = (Step.MAIL, Step.RCPT, _DATA)
_YES: Final = ord("2")


class Ours(Lost):
    """We hang up for reasons of our own; the server did nothing wrong."""


class Flow(asyncio.Protocol):
    """Takes messages and settles them, until the connection or the work ends."""

    def __init__(self, connection: Connection, owner: Owner, work: Work, born_at: float) -> None:
        options = owner.options
        self._owner = owner
        self._work = work
        self._name = options.place
        self._deadlines = options.deadlines
        self._outlet = Outlet(connection)
        self._write = connection.transport.write
        self._transactions = Transactions(connection.extensions, dsn=options.dsn)
        self._pipelined = connection.extensions.pipelining and not owner.serial
        self._parser = ReplyParser()
        self._clock = asyncio.get_running_loop().time
        self._awaited: deque[Step] = deque()  # what the next replies answer
        self._unsaid: deque[tuple[Step, bytes]] = deque()  # serial: commands still to be said
        self._next: Outgoing | None = None  # its envelope is under way
        self._next_body = b""
        self._verdict: Deferred | Refused | SenderFault | None = None  # on `_next`
        self._body: Outgoing | None = None  # its body is under way, or its reply
        self._envelope_due = False  # it follows when the body is in the hands of the kernel
        self._half_open = False  # RSET before the next MAIL
        self._deadline = inf  # of the first awaited reply, or of a block; in time of the loop
        self._begun = 0
        self._over = False
        self._leaving = False
        self.born_at = born_at  # when it was dialled, in time of the loop
        self.accepted = 0
        self.has_sent = False  # a body was permitted
        self.useful = False  # the server answered for at least one message
        self.is_idle = True
        connection.transport.set_protocol(self)

    def go(self) -> None:
        """Begin with the next message, or be idle again."""
        self.is_idle = False
        self._guarded(self._turn)

    def quit(self) -> None:
        """Say goodbye; nothing is in hand."""
        if not (self._leaving or self._over):
            self.is_idle = False
            self._leaving = True
            self._say(_QUIT, command.QUIT)
            self._watch()
            self._owner.ended(self, None)

    def finish(self) -> None:
        """End without a further message; a reply that is on its way is waited for."""
        if self._body is None and not self._leaving:
            if self.is_idle:
                self.quit()
            else:
                self.abort("the relay is out of use")

    def abort(self, why: str) -> None:
        """Hang up at once."""
        self._guarded(self._lose, Ours(why))

    def check(self, now: float) -> None:
        """Hang up if a deadline has passed."""
        if now >= self._deadline:
            self._guarded(self._lose, Lost(TOO_LONG))

    def data_received(self, data: bytes) -> None:
        """Hear replies, and go on."""
        try:
            self._hear(self._parser.feed(data))
            self._work.flush()
        except Lost as lost:
            self._guarded(self._lose, lost)
        except Exception as error:  # noqa: BLE001 - a transport would log it and go on
            self._owner.crash(error)

    def eof_received(self) -> None:
        """Hang up: no reply can come any more."""
        self._guarded(self._lose, Lost(CLOSED))

    def connection_lost(self, exc: Exception | None) -> None:
        """Give back what is in hand."""
        self._guarded(self._lose, Lost(reason(exc)))
        self._owner.gone(self)

    def pause_writing(self) -> None:
        """Note that the kernel does not take everything."""
        self._outlet.paused = True
        self._watch()

    def resume_writing(self) -> None:
        """Go on with a long body, or with what comes after it."""
        self._outlet.paused = False
        if not self._over:
            self._guarded(self._go_on)

    # Between messages.

    def _turn(self) -> None:
        """Go on with the next message, or say that there is none."""
        envelope = self._envelope()
        if envelope:
            self._write(envelope)
        elif self._owner.stopped or self._begun >= self._owner.per_connection:
            self.quit()
        else:
            self.is_idle = True
            self._owner.idle(self)
        self._watch()

    def _envelope(self) -> bytes:
        """Take the next message and return the commands to be said first; b"": there is none."""
        owner = self._owner
        while self._begun < owner.per_connection and (outgoing := owner.take()) is not None:
            try:
                mail, rcpt, self._next_body = self._transactions.prepare(outgoing)
            except BadAddress as error:
                self._work.settle(outgoing, error.refusal(), self._name)
                continue
            except SenderFault as fault:
                self._work.put_back(outgoing)
                owner.blame(fault)
                break
            self._begun += 1
            self._next = outgoing
            if self._pipelined and not self._half_open:
                self._awaited += _GROUP
                return b"".join((mail, rcpt, command.DATA))
            return self._slowly(mail, rcpt)
        return b""

    def _slowly(self, mail: bytes, rcpt: bytes) -> bytes:
        commands = [(Step.MAIL, mail), (Step.RCPT, rcpt), (_DATA, command.DATA)]
        if self._half_open:
            commands.insert(0, (Step.RSET, command.RSET))
            self._half_open = False
        if not self._pipelined:
            self._unsaid.extend(commands)
            del commands[:]
            commands.append(self._unsaid.popleft())
        self._awaited.extend(step for step, _ in commands)
        return b"".join(line for _, line in commands)

    def _say(self, step: Step, line: bytes) -> None:
        self._awaited.append(step)
        self._write(line)

    # Replies.

    def _hear(self, replies: list[bytes]) -> None:
        awaited = self._awaited
        left = len(replies)
        for reply in replies:
            left -= 1
            if not awaited:
                self._interrupted(reply)
            step = awaited.popleft()
            if step is _DOT:
                self._answered(reply)
            elif step is _DATA:
                if left or self._parser.pending:
                    raise Lost("the server spoke out of turn")
                self._permitted(reply)
            elif step is _QUIT:
                raise Ours("goodbye")
            elif reply[0] != _YES:
                self._refused(step, reply)
            if self._unsaid and not awaited:
                self._say(*self._unsaid.popleft())
            if self._over:
                return
        if self._parser.problem:
            raise Lost(self._parser.problem)
        if replies:
            self._watch()

    def _interrupted(self, reply: bytes) -> None:
        words = "is closing" if reply.startswith(b"421") else "spoke out of turn"
        raise Lost(f"the server {words}: {Reply.of(reply)}")

    def _refused(self, step: Step, raw: bytes) -> None:
        """Hear no to MAIL, RCPT or RSET; nobody cares about a lone dot."""
        reply = self._reply(raw)
        if step is Step.LONE_DOT:
            return
        if step is Step.RSET or reply.code < 400:
            raise Lost(f"the server answered {step} with {reply}")
        if self._verdict is None:
            self._judge(step, reply)
        if self._unsaid:
            self._unsaid.clear()
            self._conclude()
            self._turn()

    def _permitted(self, raw: bytes) -> None:
        """Hear the reply to DATA."""
        if self.accepted:
            self._owner.proven = True
        if raw.startswith(b"354"):
            if self._verdict is None:
                self._send()
                return
            # All recipients are refused and still it wants a message (RFC 2920 3.1): none.
            self._say(Step.LONE_DOT, command.END)
            self._conclude(half_open=False)
        else:
            reply = self._reply(raw)
            if reply.code < 400:
                raise Lost(f"the server answered {_DATA} with {reply}")
            if self._verdict is None:
                self._judge(_DATA, reply)
            self._conclude()
        self._turn()

    def _reply(self, raw: bytes) -> Reply:
        """Read a reply to the envelope, without the address of its reader."""
        reply = Reply.of(raw)
        if self._next:
            reply = reply.without(self._next.envelope.recipient)
        if reply.code == CLOSING:
            raise Closing(reply)
        return reply

    def _judge(self, step: Step, reply: Reply) -> None:
        try:
            self._verdict = judge(step, reply)
        except SenderFault as fault:
            self._verdict = fault

    def _conclude(self, *, half_open: bool = True, said: Deferred | None = None) -> None:
        """Settle the message whose envelope was refused, or was not answered."""
        outgoing, verdict = self._next, self._verdict
        assert outgoing is not None
        self._next = self._verdict = None
        self._half_open = half_open
        if isinstance(verdict, Deferred | Refused):
            self.useful = True
            self._work.settle(outgoing, verdict, self._name)
        else:
            self._work.put_back(outgoing, said)
            if verdict:
                self._owner.blame(verdict)

    # The body.

    def _send(self) -> None:
        """Write the body, and behind it the envelope of the next message."""
        outgoing = self._next
        assert outgoing is not None
        if self._owner.stopped:
            raise Ours("the relay is out of use")
        self._next = None
        if not self._work.start(outgoing):
            raise Ours("the message must not leave any more")
        self._body, body = outgoing, self._next_body
        self.has_sent = True
        self._awaited.append(_DOT)
        if self._pipelined and len(body) < BLOCK:
            self._outlet.send(body, self._envelope())
        else:
            self._envelope_due = self._pipelined
            self._outlet.pour(body)
            self._follow()

    def _go_on(self) -> None:
        self._outlet.go_on()
        self._follow()
        self._watch()

    def _follow(self) -> None:
        if self._envelope_due and not self._outlet.paused:
            self._envelope_due = False
            if envelope := self._envelope():
                self._outlet.follow(envelope)

    def _answered(self, reply: bytes) -> None:
        """Hear what became of a message."""
        outgoing = self._body
        assert outgoing is not None
        if reply[0] == _YES:
            if self._outlet.unfinished:
                raise Lost("the server spoke out of turn")
            self._body = None
            self.accepted += 1
            self.useful = True
            words = words_of(reply, outgoing.envelope.recipient)
            self._work.settle(outgoing, Accepted(int(reply[:3]), words), self._name)
        else:
            self._not_taken(outgoing, Reply.of(reply))
        if self._next is None:
            self._turn()

    def _not_taken(self, outgoing: Outgoing, reply: Reply) -> None:
        if reply.code < 400:
            raise Lost(f"the server answered the message with {reply}")
        try:
            verdict = judge(_DOT, reply.without(outgoing.envelope.recipient))
        except SenderFault as fault:
            self._body = None
            self._work.put_back(outgoing)
            self._owner.blame(fault)
        else:
            self._body = None
            self.useful = True
            self._work.settle(outgoing, verdict, self._name)
        if self._outlet.unfinished:
            raise Lost(f"the server did not want to hear the end: {reply}")

    # The end.

    def _watch(self) -> None:
        """Set the deadline of what is waited for now."""
        if self._outlet.paused:
            limit = self._deadlines.block
        elif not self._awaited:
            limit = inf
        elif self._awaited[0] is _DOT:
            limit = self._deadlines.dot
        elif self._leaving:
            limit = min(GOODBYE, self._deadlines.reply)
        else:
            limit = self._deadlines.reply
        self._deadline = self._clock() + limit

    def _lose(self, lost: Lost) -> None:
        """Give back what is in hand, with what can be known about it, and hang up."""
        if self._over:
            return
        self._over = True
        self._deadline = inf
        outgoing, self._body = self._body, None
        said = lost.said if isinstance(lost, Closing) else None
        may_have_left = said is None and self._outlet.dot_may_have_left()
        self._outlet.transport.abort()
        if outgoing is not None:
            if may_have_left:
                self._work.settle(outgoing, Unanswered(str(lost)), self._name)
            else:
                self._work.put_back(outgoing, said)
        if self._next is not None:
            self._conclude(said=said)
        if not self._leaving:
            self._owner.ended(self, lost)

    @property
    def unanswered_group(self) -> bool:
        """Whether the connection ended while the server had a pipelined group to answer."""
        return self._pipelined and _DATA in self._awaited

    @property
    def is_busy(self) -> bool:
        """Whether a message is in hand."""
        return self._body is not None or self._next is not None

    def _guarded(self, step: Callable[..., None], *arguments: object) -> None:
        try:
            step(*arguments)
            self._work.flush()
        except Lost as lost:
            self._guarded(self._lose, lost)
        except Exception as error:  # noqa: BLE001 - a transport would log it and go on
            self._owner.crash(error)
