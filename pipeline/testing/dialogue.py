"""The sink's side of SMTP: commands in, replies out, as its script says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from pipeline.testing.inbox import Inbox
from pipeline.testing.login import MECHANISMS, Login
from pipeline.testing.plan import At, Rule
from pipeline.testing.script import Script
from pipeline.testing.wire import Wire

NAME: Final = "sink.example.org"
LONGEST_LINE: Final = 12_288  # octets, RFC 4954 4

_PATH = re.compile(r"(?:FROM|TO):<([^<>]*)>(.*)", re.IGNORECASE)
# What must have been offered before a parameter may be used.
_OFFERED_BY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "SIZE": "SIZE",
        "BODY": "8BITMIME",
        "SMTPUTF8": "SMTPUTF8",
        **dict.fromkeys(("RET", "ENVID", "NOTIFY", "ORCPT"), "DSN"),
    }
)


class Dialogue(Wire):
    """A state machine over the buffer of a wire."""

    def __init__(self, script: Script, inbox: Inbox, number: int, live: set[Wire]) -> None:
        super().__init__(script, number, live)
        plan = script.plan
        self._inbox = inbox
        self._reader: Callable[[], bool] = self._read_line
        self._searched = 0  # bytes of the body already searched for its end
        self._offered = {extension.split()[0] for extension in plan.extensions}
        if plan.size is not None:
            self._offered.add("SIZE")
        self._logged_in = plan.login is None
        self._login: Login | None = None  # under way
        self._sender: str | None = None
        self._sender_options = ""
        self._recipients: list[tuple[str, str]] = []  # address, parameters
        self._in_body: Rule | None = None

    def _begin(self) -> None:
        self._answer(At.GREETING, f"220 {NAME} ESMTP")

    def _read(self) -> bool:
        return self._reader()

    def _forget(self) -> None:
        self._sender = None
        self._recipients = []

    def data_received(self, data: bytes) -> None:
        """Go on, unless the client did not wait for its turn."""
        if self._busy and self._script.plan.strict and "PIPELINING" not in self._offered:
            self._turn_away()
            return
        super().data_received(data)

    def _read_line(self) -> bool:
        end = self._buffer.find(b"\r\n")
        length = end if end >= 0 else len(self._buffer)
        if length > LONGEST_LINE:
            self._say("500 5.5.2 line too long")
            self._hang_up()
            return False
        if end < 0:
            return False
        rest = len(self._buffer) - end - 2
        if rest and self._script.plan.resets_groups and self._buffer.count(b"\r\n") > 1:
            self._hang_up(reset=True)
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        if b"\r" in line or b"\n" in line:
            self._say("500 5.5.2 bare line end")
            return True
        if rest and self._is_too_early(line):
            self._turn_away()
            return False
        self._command(line.decode("utf-8", "replace"))
        return True

    def _is_too_early(self, line: bytes) -> bool:
        """Tell whether what came behind a command should have waited for the reply."""
        waits = "PIPELINING" not in self._offered or line.upper() == b"DATA"
        return self._script.plan.strict and waits

    def _turn_away(self) -> None:
        self._say("500 5.5.1 it was not your turn")
        self._hang_up()

    def _command(self, line: str) -> None:
        if self._login is not None:
            self._continue_login(line)
            return
        verb, _, rest = line.partition(" ")
        match verb.upper():
            case "MAIL":
                self._mail(rest)
            case "RCPT":
                self._rcpt(rest)
            case "DATA":
                self._data()
            case "EHLO":
                self._forget()
                self._answer(At.EHLO, self._offer())
            case "HELO":
                self._forget()
                self._offered = set()
                self._answer(At.HELO, f"250 {NAME}")
            case "STARTTLS" if self._script.plan.tls and not self._encrypted:
                self._start_tls()
            case "AUTH" if self._script.plan.login:
                self._log_in(rest)
            case "RSET":
                self._forget()
                self._answer(At.RSET, "250 2.0.0 forgotten")
            case "NOOP":
                self._say("250 2.0.0 idle")
            case "QUIT":
                self._answer(At.QUIT, "221 2.0.0 goodbye")
                if not self._busy:
                    self._hang_up()
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

    def _log_in(self, rest: str) -> None:
        name, _, first = rest.partition(" ")
        plan = self._script.plan
        assert plan.login is not None
        if self._logged_in:
            self._say("503 5.5.1 logged in already")  # RFC 4954 4: once a connection
        elif name.upper() not in plan.mechanisms:
            self._say("504 5.5.4 unknown mechanism")
        else:
            self._login = MECHANISMS[name.upper()](*plan.login)
            challenge = next(self._login)
            if first:
                self._continue_login(first)
            else:
                self._say(f"334 {challenge}")

    def _continue_login(self, line: str) -> None:
        assert self._login is not None
        try:
            self._say(f"334 {self._login.send(line)}")
        except StopIteration as over:
            self._login = None
            right = bool(over.value)
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
        elif unknown := self._not_offered(path[2]):
            self._say(f"555 5.5.4 {unknown} was not offered")
        elif size and limit is not None and int(size[1]) > limit:
            self._say("552 5.3.4 message too big")
        elif self._answer(At.MAIL, "250 2.1.0 ok"):
            self._sender, self._sender_options = path[1], path[2].strip()

    def _rcpt(self, rest: str) -> None:
        path = _PATH.fullmatch(rest)
        if self._sender is None:
            self._say("503 5.5.1 MAIL first")
        elif path is None or not path[1]:
            self._say("501 5.1.3 RCPT TO:<path>")
        elif unknown := self._not_offered(path[2]):
            self._say(f"555 5.5.4 {unknown} was not offered")
        elif self._answer(At.RCPT, "250 2.1.5 ok", path[1]):
            self._recipients.append((path[1], path[2].strip()))

    def _not_offered(self, parameters: str) -> str | None:
        for parameter in parameters.split():
            name = parameter.partition("=")[0].upper()
            if _OFFERED_BY.get(name) not in self._offered:
                return name
        return None

    def _data(self) -> None:
        rule = self._rule(At.DATA, self._first_recipient())
        usual = b"354 go ahead\r\n" if self._recipients else b"503 5.5.1 RCPT first\r\n"
        reply = self._bytes(rule, usual)
        self._send(reply, rule)
        if reply.startswith(b"354"):
            self._reader, self._searched = self._read_body, 0
            self._in_body = self._rule(At.BODY, self._first_recipient())

    def _first_recipient(self) -> str:
        return self._recipients[0][0] if self._recipients else ""

    def _read_body(self) -> bool:
        rule = self._in_body
        if rule and len(self._buffer) >= rule.after_bytes:
            self._in_body = None
            self._send(self._bytes(rule, b""), rule)
            return not (rule.drop or self._busy)
        if self._buffer.startswith(b".\r\n"):
            end = 0
        else:
            found = self._buffer.find(b"\r\n.\r\n", max(0, self._searched - 4))
            if found < 0:
                self._searched = len(self._buffer)
                return False
            end = found + 2
        rule = self._rule(At.END, self._first_recipient())
        if rule:
            self._send(self._bytes(rule, b""), rule)
            if rule.drop or self._busy:
                return False
        body = bytes(self._buffer[:end])
        del self._buffer[: end + 3]
        self._reader = self._read_line
        self._dot(body)
        return True

    def _dot(self, body: bytes) -> None:
        limit = self._script.plan.size
        if limit is not None and len(body) > limit:
            self._forget()
            self._say("552 5.3.4 message too big")
            return
        if not self._recipients:  # a 354 although nobody was accepted; RFC 2920 3.1
            self._forget()
            self._say("554 5.5.1 no valid recipients")
            return
        rule = self._rule(At.DOT, self._first_recipient())
        reply = self._bytes(rule, b"250 2.0.0 taken\r\n")
        if reply.startswith(b"2") or (rule and rule.keep):
            self._take(body)
        self._forget()
        self._send(reply, rule)

    def _take(self, body: bytes) -> None:
        if body.startswith(b".") or b"\r\n." in body:
            # Each line loses its first dot, whatever follows it (RFC 5321 4.5.2).
            body = (b"\r\n" + body).replace(b"\r\n.", b"\r\n")[2:]
        for recipient, options in self._recipients:
            self._inbox.take(
                self._sender or "",
                recipient,
                body,
                connection=self._number,
                sender_options=self._sender_options,
                recipient_options=options,
            )
