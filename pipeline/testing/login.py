"""How a client proves who it is (RFC 4954), as generators: challenges out, lines in."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Generator, Mapping
from types import MappingProxyType
from typing import Final

# Yields what stands behind 334, is sent the client's line, and returns whether it was right.
Login = Generator[str, str, bool]


def _plain(user: str, password: str) -> Login:
    line = yield ""
    return _decoded(line).split("\0")[1:] == [user, password]


def _login(user: str, password: str) -> Login:
    first = yield _encoded("Username:")
    second = yield _encoded("Password:")
    return (_decoded(first), _decoded(second)) == (user, password)


def _xoauth2(user: str, token: str) -> Login:
    line = yield ""
    if _decoded(line) == f"user={user}\x01auth=Bearer {token}\x01\x01":
        return True
    # The error is a challenge; whatever the client says to it, the refusal follows.
    yield _encoded('{"status":"401","schemes":"bearer","scope":"https://mail.example.org/"}')
    return False


MECHANISMS: Final[Mapping[str, Callable[[str, str], Login]]] = MappingProxyType(
    {"PLAIN": _plain, "LOGIN": _login, "XOAUTH2": _xoauth2}
)


def _encoded(words: str) -> str:
    return b64encode(words.encode()).decode()


def _decoded(line: str) -> str:
    try:
        return b64decode(line, validate=True).decode("utf-8", "replace")
    except NotBase64:
        return ""
