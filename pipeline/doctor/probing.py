"""What a mailbox provider and a link scanner do to a link to leave, done to a person of our own."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Iterator, Mapping
from typing import Final, Protocol
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from pipeline.doctor.rule import Outage

DEADLINE: Final = 10.0  # seconds for each step of a request
LARGEST_ANSWER: Final = 1 << 20  # bytes that are read of one
_LOOK_AGAIN: Final = 0.25  # seconds
FORGED_HOST: Final = "forged-host.example.net"

URLENCODED: Final = "application/x-www-form-urlencoded"
FORM: Final = b"List-Unsubscribe=One-Click"
BOUNDARY: Final = "one-click-probe"
MULTIPART: Final = (
    f"--{BOUNDARY}\r\n"
    'Content-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n'
    f"One-Click\r\n--{BOUNDARY}--\r\n"
).encode()

# As scanners, previews and prefetchers send them, all with GET.
SCANNERS: Final[tuple[Mapping[str, str], ...]] = (
    {},
    {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"},
    {"User-Agent": "GoogleImageProxy"},
    {"User-Agent": "BarracudaCentral", "Accept": "*/*"},
    {"Purpose": "prefetch", "Sec-Purpose": "prefetch;prerender"},
    {"X-Moz": "prefetch"},
    {"Range": "bytes=0-1023"},
    {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT", "Cache-Control": "no-cache"},
    {"X-HTTP-Method-Override": "POST"},
    {"Referer": "https://mail.example.net/", "Cookie": "session=1"},
)


class Standing(Struct, frozen=True):
    """Where the probe's person stands with its list."""

    active: bool
    words: int  # consents on record: a second one for the same thing is a change, too


class Person(Protocol):
    """Somebody who was made to be unsubscribed, and gets no mail."""

    @property
    def path(self) -> str:
        """Path of the link to leave, from the root of the site."""
        ...

    def standing(self) -> Standing:
        """Return where they stand now."""
        ...

    def revive(self) -> None:
        """Make them active again."""
        ...


class Answer(Struct, frozen=True):
    """What the site said to one request."""

    asked: str  # such as "GET" or "POST urlencoded"
    status: int
    headers: tuple[tuple[str, str], ...]  # names in lower case
    seconds: float

    def header(self, name: str) -> str:
        """Return the values of a header, joined by commas."""
        return ", ".join(value for key, value in self.headers if key == name.lower())


class Step(Struct, frozen=True, kw_only=True):
    """Requests of one kind, and where the person stood before and after them."""

    answers: tuple[Answer, ...]
    before: Standing
    after: Standing

    @property
    def changed(self) -> bool:
        """Whether anything was different afterwards."""
        return self.before != self.after


class Walk(Struct, frozen=True, kw_only=True):
    """The whole probe, in its order."""

    reading: Step  # GET as scanners do, HEAD, OPTIONS
    forged: Step  # POST with tokens that are not ours
    foreign: Step  # GET under another host's name
    urlencoded: Step
    again: Step  # the same once more
    multipart: Step

    @property
    def steps(self) -> tuple[Step, ...]:
        """All of it."""
        return (
            *(self.reading, self.forged, self.foreign),
            *(self.urlencoded, self.again, self.multipart),
        )

    @property
    def posts(self) -> tuple[Answer, ...]:
        """The answers to one-click requests that were meant well."""
        steps = (self.urlencoded, self.again, self.multipart)
        return tuple(answer for step in steps for answer in step.answers)


class Site(Struct, frozen=True):
    """The running site, as somebody from outside reaches it; no cookies, no redirects followed."""

    url: str  # http or https, without a slash at its end
    # Seconds in which a word that was answered with 200 must be carried out: while somebody else
    # has the database, the site keeps it on the disk.
    patience: float = 10.0

    def walk(self, person: Person) -> Walk:
        """Play it all; the person is unsubscribed afterwards.

        Raises:
            Outage: the site does not answer, or not in time.
        """
        path = person.path
        return Walk(
            reading=_step(person, self._reading(path)),
            forged=_step(person, self._forged(path)),
            foreign=_step(person, self._foreign(path)),
            urlencoded=self._leave(person, "urlencoded", URLENCODED, FORM),
            again=_step(person, self._posts(path, "again", URLENCODED, FORM)),
            multipart=self._multipart(person),
        )

    def reach(self) -> Answer:
        """Return the answer to the plainest of requests.

        Raises:
            Outage: there is none.
        """
        return self.ask("GET", "/healthz")

    def ask(
        self,
        method: str,
        path: str,
        *,
        asked: str = "",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request.

        Raises:
            Outage: nobody answers, not in time, or not in HTTP; certificates are verified.
        """
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        connection = (
            http.client.HTTPSConnection(
                host, parts.port, timeout=DEADLINE, context=ssl.create_default_context()
            )
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, parts.port, timeout=DEADLINE)
        )
        started = time.monotonic()
        try:
            connection.request(method, f"{parts.path}{path}", body, dict(headers or {}))
            answer = connection.getresponse()
            answer.read(LARGEST_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise Outage(f"{self.url} does not answer: {reason}") from error
        finally:
            connection.close()
        named = tuple((name.lower(), value) for name, value in answer.getheaders())
        return Answer(asked or method, answer.status, named, time.monotonic() - started)

    def _reading(self, path: str) -> Iterator[Answer]:
        for headers in SCANNERS:
            yield self.ask("GET", path, headers=headers)
        yield self.ask("HEAD", path)
        yield self.ask("OPTIONS", path)

    def _forged(self, path: str) -> Iterator[Answer]:
        for forged in _forgeries(path):
            yield from self._posts(forged, "with a forged token", URLENCODED, FORM)

    def _foreign(self, path: str) -> Iterator[Answer]:
        yield self.ask(
            "GET", path, asked="GET under a foreign name", headers={"Host": FORGED_HOST}
        )

    def _multipart(self, person: Person) -> Step:
        person.revive()
        kind = f'multipart/form-data; boundary="{BOUNDARY}"'
        return self._leave(person, "multipart", kind, MULTIPART)

    def _leave(self, person: Person, asked: str, kind: str, body: bytes) -> Step:
        step = _step(person, self._posts(person.path, asked, kind, body))
        deadline = time.monotonic() + self.patience
        while step.after.active and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN)
            step = replace(step, after=person.standing())
        return step

    def _posts(self, path: str, asked: str, kind: str, body: bytes) -> Iterator[Answer]:
        yield self.ask(
            "POST", path, asked=f"POST {asked}", body=body, headers={"Content-Type": kind}
        )


def _step(person: Person, answers: Iterator[Answer]) -> Step:
    before = person.standing()
    given = tuple(answers)
    return Step(answers=given, before=before, after=person.standing())


def _forgeries(path: str) -> tuple[str, ...]:
    """Return links whose tokens are changed in one place, cut, and longer than ours."""
    start, token = path.rsplit("/", 1)
    changed = []
    for place in (0, len(token) // 2, len(token) - 1):
        other = "A" if token[place] != "A" else "B"
        changed.append(f"{start}/{token[:place]}{other}{token[place + 1 :]}")
    return (*changed, f"{start}/{token[:-1]}", f"{path}A")
