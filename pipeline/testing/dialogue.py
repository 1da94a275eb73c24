"""One connection to the sink: commands in, replies out, as its script says."""

from __future__ import annotations

import asyncio
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable
from typing import Final, cast

from pipeline.testing.inbox import Inbox
from pipeline.testing.plan import At, Rule
from pipeline.testing.script import Script

NAME: Final = "sink.example.org"
LONGEST_LINE: Final = 12_288  # octets, RFC 4954 4

_PATH = re.compile(r"(?:FROM|TO):<([^<>]*)>(.*)", re.IGNORECASE)


class Dialogue(asyncio.Protocol):
    """A state machine over one buffer; a delayed reply stops it until it is said."""

    def __init__(self, script: Script, inbox: Inbox, number: int, live: set[Dialogue]) -> None:
        self._script = script
        self._inbox = inbox
        self._number = number
        self._live = live  # dialogues under way
        self._over = asyncio.Event()
        self._buffer = bytearray()
        self._read: Callable[[], bool] = self._read_line  # False: more bytes are needed
        self._scanned = 0  # bytes of the body already searched for its end
        self._busy = False
        self._encrypted = script.plan.implicit_tls
        self._logged_in = script.plan.login is None
        self._words: list[str] = []  # of an AUTH LOGIN under way
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._cut: Rule | None = None
        self._upgrade: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast(asyncio.Transport, transport)
        self._live.add(self)
        self._answer(At.GREETING, f"220 {NAME} ESMTP")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Be over."""
        self._live.discard(self)
        self._over.set()

    def data_received(self, data: bytes) -> None:
        """Go on with the dialogue."""
        self._buffer += data
        self._work()

    async def abort(self) -> None:
        """Hang up at once, and wait until nothing is left of the connection."""
        self._transport.abort()
        await self._over.wait()

    def _work(self) -> None:
        while self._buffer and not self._busy and not self._transport.is_closing():
            if not self._read():
                return

    def _read_line(self) -> bool:
        end = self._buffer.find(b"\r\n")
        length = end if end >= 0 else len(self._buffer)
        if length > LONGEST_LINE:
            self._say("500 5.5.2 line too long")
            self._transport.close()
            return False
        if end < 0:
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        if b"\r" in line or b"\n" in line:
            self._say("500 5.5.2 bare line end")
            return True
        self._command(line.decode("utf-8", "replace"))
        return True

    def _command(self, line: str) -> None:
        if self._words:
            self._continue_login(line)
            return
        verb, _, rest = line.partition(" ")
        match verb.upper():
            case "EHLO":
                self._reset()
                self._answer(At.EHLO, self._offer())
            case "HELO":
                self._reset()
                self._answer(At.HELO, f"250 {NAME}")
            case "STARTTLS" if self._script.plan.tls and not self._encrypted:
                self._start_tls()
            case "AUTH" if self._script.plan.login:
                self._log_in(rest)
            case "MAIL":
                self._mail(rest)
            case "RCPT":
                self._rcpt(rest)
            case "DATA":
                self._data()
            case "RSET":
                self._reset()
                self._answer(At.RSET, "250 2.0.0 forgotten")
            case "NOOP":
                self._say("250 2.0.0 idle")
            case "QUIT":
                self._answer(At.QUIT, "221 2.0.0 goodbye")
                if not self._busy:
                    self._transport.close()
            case _:
                self._say("502 5.5.1 not implemented")

    def _offer(self) -> str:
        plan = self._script.plan
        lines = [NAME, *plan.extensions]
        if plan.size is not None:
            lines.append(f"SIZE {plan.size}")
        if plan.tls and not self._encrypted:
            lines.append("STARTTLS")
        if plan.login:
            lines.append(f"AUTH {' '.join(plan.mechanisms)}")
        return "\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"])

    def _start_tls(self) -> None:
        self._transport.pause_reading()  # the client's hello is for TLS
        if self._answer(At.STARTTLS, "220 2.0.0 go ahead"):
            self._busy = True
            self._upgrade = asyncio.get_running_loop().create_task(self._encrypt())
        else:
            self._transport.resume_reading()

    async def _encrypt(self) -> None:
        loop = asyncio.get_running_loop()
        context = self._script.plan.tls
        assert context is not None
        try:
            secure = await loop.start_tls(self._transport, self, context, server_side=True)
        except OSError:  # the client does not trust us
            secure = None
        if secure is None:  # nor is connection_lost called if the client hangs up meanwhile
            self._transport.abort()
            self.connection_lost(None)
            return
        self._transport = secure
        self._encrypted = True
        self._busy = False
        self._reset()
        self._work()  # with TLS 1.3 the next command may be here already

    def _log_in(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        if mechanism.upper() == "PLAIN" and initial:
            self._finish_login(_decoded(initial).split("\0")[1:])
        elif mechanism.upper() == "LOGIN":
            self._words = [""]  # a place for the user name
            self._say("334 VXNlcm5hbWU6")
        else:
            self._say("504 5.5.4 unknown mechanism")

    def _continue_login(self, line: str) -> None:
        if self._words == [""]:
            self._words = [_decoded(line) or "?"]
            self._say("334 UGFzc3dvcmQ6")
        else:
            words, self._words = [*self._words, _decoded(line)], []
            self._finish_login(words)

    def _finish_login(self, words: list[str]) -> None:
        right = words == list(self._script.plan.login or ())
        usual = "235 2.7.0 welcome" if right else "535 5.7.8 wrong user or password"
        self._logged_in = self._answer(At.AUTH, usual) and right

    def _mail(self, rest: str) -> None:
        path = _PATH.fullmatch(rest)
        size = re.search(r"SIZE=(\d+)", path[2]) if path else None
        limit = self._script.plan.size
        if not self._logged_in:
            self._say("530 5.7.0 authentication required")
        elif path is None:
            self._say("501 5.5.4 MAIL FROM:<path>")
        elif self._sender is not None:
            self._say("503 5.5.1 a transaction is open")
        elif size and limit is not None and int(size[1]) > limit:
            self._say("552 5.3.4 message too big")
        elif self._answer(At.MAIL, "250 2.1.0 ok"):
            self._sender = path[1]

    def _rcpt(self, rest: str) -> None:
        path = _PATH.fullmatch(rest)
        if self._sender is None:
            self._say("503 5.5.1 MAIL first")
        elif path is None or not path[1]:
            self._say("501 5.1.3 RCPT TO:<path>")
        elif self._answer(At.RCPT, "250 2.1.5 ok", path[1]):
            self._recipients.append(path[1])

    def _data(self) -> None:
        if not self._recipients:
            self._say("503 5.5.1 RCPT first")
        elif self._answer(At.DATA, "354 go ahead", self._recipients[0]):
            self._read, self._scanned = self._read_body, 0
            self._cut = self._rule(At.BODY, self._recipients[0])

    def _read_body(self) -> bool:
        if self._cut and len(self._buffer) >= self._cut.after_bytes:
            self._send(_bytes(self._cut.reply, ""), self._cut)
            if self._cut.drop:
                return False
            self._cut = None
        if self._buffer.startswith(b".\r\n"):
            end = 0
        else:
            found = self._buffer.find(b"\r\n.\r\n", max(0, self._scanned - 4))
            self._scanned = len(self._buffer)
            if found < 0:
                return False
            end = found + 2
        body = bytes(self._buffer[:end])
        del self._buffer[: end + 3]
        self._read = self._read_line
        self._dot(body)
        return True

    def _dot(self, body: bytes) -> None:
        limit = self._script.plan.size
        if limit is not None and len(body) > limit:
            self._reset()
            self._say("552 5.3.4 message too big")
            return
        rule = self._rule(At.DOT, self._recipients[0])
        reply = _bytes(rule.reply if rule else None, "250 2.0.0 taken")
        if reply.startswith(b"2") or (rule and rule.keep):
            # Each line loses its first dot, whatever follows it (RFC 5321 4.5.2).
            data = (b"\r\n" + body).replace(b"\r\n.", b"\r\n")[2:]
            for recipient in self._recipients:
                self._inbox.take(self._sender or "", recipient, data, self._number)
        self._reset()
        self._send(reply, rule)

    def _reset(self) -> None:
        self._sender = None
        self._recipients = []

    def _rule(self, at: At, recipient: str = "") -> Rule | None:
        return self._script.rule(at, connection=self._number, recipient=recipient)

    def _say(self, reply: str) -> None:
        self._send(_bytes(None, reply), None)

    def _answer(self, at: At, usual: str, recipient: str = "") -> bool:
        """Reply as the script says; tell whether the answer is yes."""
        rule = self._rule(at, recipient)
        reply = _bytes(rule.reply if rule else None, usual)
        self._send(reply, rule)
        return reply[:1] in {b"2", b"3"}

    def _send(self, reply: bytes, rule: Rule | None) -> None:
        if rule and rule.drip_s:
            self._busy = True
            self._drip(reply, rule)
        elif rule and rule.delay_s:
            self._busy = True
            if rule.deaf:
                self._transport.pause_reading()
            asyncio.get_running_loop().call_later(rule.delay_s, self._finish, reply, rule)
        else:
            self._transport.write(reply)
            if rule and rule.drop:
                self._transport.close()

    def _drip(self, reply: bytes, rule: Rule) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(reply[:1])
        rest = reply[1:]
        go_on = self._drip if rest else self._finish
        asyncio.get_running_loop().call_later(rule.drip_s, go_on, rest, rule)

    def _finish(self, reply: bytes, rule: Rule) -> None:
        """Say the delayed rest of a reply, and go on."""
        if self._transport.is_closing():
            return
        self._transport.write(reply)
        self._busy = False
        self._transport.resume_reading()
        if rule.drop or rule.at is At.QUIT:
            self._transport.close()
        self._work()


def _bytes(reply: str | bytes | None, usual: str) -> bytes:
    if isinstance(reply, bytes):
        return reply
    return (usual if reply is None else reply).encode() + b"\r\n"


def _decoded(word: str) -> str:
    try:
        return b64decode(word, validate=True).decode("utf-8", "replace")
    except NotBase64:
        return ""
