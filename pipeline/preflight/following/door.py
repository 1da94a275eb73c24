"""One request to an address that was looked at first (server-side request forgery, CWE-918).

A link in an issue may come from anybody: a press release, a page that was quoted, the target of a
redirection. Whoever wrote it must not make this machine knock at doors only it can reach. So a
name is resolved once, every address it has must be public, and the connection goes to the very
address that was looked at: a name that would answer otherwise the second time is not asked again.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, Final
from urllib.parse import SplitResult, quote, urlsplit

from msgspec import Struct

from pipeline.preflight.following.public import is_public

Resolve = Callable[[str, int], Sequence[str]]

PORTS: Final = frozenset({80, 443})
STEP: Final = 8.0  # seconds for connecting, and for each read
WHOLE: Final = 20.0  # seconds for a request, however slowly somebody dribbles
LARGEST: Final = 65_536  # octets of an answer's header; its body is never read
ADDRESSES: Final = 2  # of a name; more are not tried
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_AGENT: Final = "Mozilla/5.0 (compatible; Broadsheet link check)"
_SAFE: Final = "!$%&'()*+,/:;=?@[]~"


class Refused(Exception):
    """A place where checks must not go; nothing was sent to it."""


class Unreachable(Exception):
    """Nobody answered, not in time, or not in HTTP."""


class NoSuchSite(Unreachable):
    """The name has no address."""


class Answer(Struct, frozen=True):
    """What a server said, without its body."""

    status: int
    location: str  # of a redirection, else empty


def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a name, as this machine finds them.

    Raises:
        NoSuchSite: it has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoSuchSite(f"there is no site called {host}") from error
    return tuple(dict.fromkeys(str(each[4][0]) for each in found))


@cache
def trusted() -> ssl.SSLContext:
    """Return what certificates are verified with; made once."""
    return ssl.create_default_context()


class Door(Struct, frozen=True, kw_only=True):
    """Asks for one page: no cookies, no login, no proxy, and no body is read."""

    resolve: Resolve = resolve
    public: Callable[[str], bool] = is_public
    ports: frozenset[int] = PORTS
    tls: Callable[[], ssl.SSLContext] = trusted
    step: float = STEP
    whole: float = WHOLE

    def ask(self, method: str, url: str, *, within: float = WHOLE) -> Answer:
        """Send one request and read the header of the answer.

        Args:
            method: HEAD or GET.
            url: where to.
            within: seconds, if that is less than a request has anyway.

        Raises:
            Refused: the address leads where checks must not go; nothing was sent.
            Unreachable: there is no answer.
        """
        parts, host, port = self._place(url)
        addresses = self.resolve(host, port)
        if not addresses:
            raise NoSuchSite(f"there is no site called {host}")
        # One private address among public ones is how the next connection is led astray.
        if not all(map(self.public, addresses)):
            raise Refused(f"{host} is not on the public network")
        target = quote(parts.path or "/", safe=_SAFE)
        if parts.query:
            target += f"?{quote(parts.query, safe=_SAFE)}"
        context = self.tls() if parts.scheme == "https" else None
        connection = _Connection(host, port, addresses[:ADDRESSES], self.step, context)
        try:
            return self._talk(connection, method, target, min(within, self.whole))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(str(error) or type(error).__name__) from error

    def _place(self, url: str) -> tuple[SplitResult, str, int]:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise Refused("it is not a web address") from None
        if parts.scheme not in _DEFAULT_PORTS or not host:
            raise Refused("it is not a web address")
        if parts.username is not None or parts.password is not None:
            raise Refused("the address holds a login")
        port = _DEFAULT_PORTS[parts.scheme] if port is None else port
        if port not in self.ports:
            raise Refused(f"it is at port {port}")
        return parts, host, port

    def _talk(self, connection: _Connection, method: str, target: str, seconds: float) -> Answer:
        clock = threading.Timer(seconds, connection.hang_up)
        clock.daemon = True
        clock.start()
        try:
            connection.request(method, target, headers={"User-Agent": _AGENT, "Accept": "*/*"})
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheader("Location") or "")
        finally:
            clock.cancel()
            connection.hang_up()
            connection.close()


class _Capped:
    """Reads lines of a header until there are too many."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._left = stream, LARGEST

    def readline(self, most: int) -> bytes:
        line: bytes = self._stream.readline(min(most, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise http.client.HTTPException("the header of the answer does not end")
        return line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Answer(http.client.HTTPResponse):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fp = _Capped(self.fp)  # type: ignore[assignment]


class _Connection(http.client.HTTPConnection):
    """Connects to addresses that were looked at, and calls the site by its name."""

    response_class = _Answer

    def __init__(
        self,
        host: str,
        port: int,
        addresses: Sequence[str],
        step: float,
        context: ssl.SSLContext | None,
    ) -> None:
        super().__init__(host, port, timeout=step)
        self._addresses, self._context = addresses, context
        self._is_over = False
        if context is not None:
            self.default_port = 443  # Host names no port then

    def connect(self) -> None:
        """Connect to the first of the addresses that answers."""
        for number, address in enumerate(self._addresses, start=1):
            try:
                self.sock = socket.create_connection((address, self.port), self.timeout)
                break
            except OSError:
                if number == len(self._addresses):
                    raise
        if self._context is not None:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)
        if self._is_over:  # time ran out while there was no socket to end
            raise TimeoutError("timed out")

    def hang_up(self) -> None:
        """End whatever is going on: a read that waits fails, and so does a connection to come."""
        self._is_over = True
        with suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)
