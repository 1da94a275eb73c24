"""Tell the hub that feeds have changed (WebSub), as often as it takes, in nobody's way.

What is still to be told is one small JSON file, written whole or not at all: it outlives a kill, needs
no database for a site of static files, and whoever reads it knows what it says.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

from msgspec import Struct
from msgspec.structs import asdict, replace

from pipeline.outbox.files import write_if_changed

TIMEOUT_S: Final = 5.0
GIVE_UP_AFTER: Final = timedelta(days=2)
_FIRST_WAIT: Final = timedelta(minutes=1)
_LONGEST_WAIT: Final = timedelta(hours=6)


class Pinged(Struct, frozen=True, kw_only=True):
    """What the hub was told, and what it still has to hear; addresses of feeds."""

    told: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    given_up: tuple[str, ...] = ()
    problem: str | None = None


class _Note(Struct, frozen=True):
    """A feed the hub does not know about yet."""

    since: str  # ISO; empty: nobody tried
    attempts: int
    after: str  # ISO; not before


class Ping(Struct, frozen=True, kw_only=True):
    """Remember what to tell, and tell it. A hub that is down costs one attempt a run."""

    hub: str | None  # None: there is none, and nothing is remembered
    file: Path
    timeout_s: float = TIMEOUT_S

    def note(self, feed_url: str) -> None:
        """Remember that a feed changes now; the waits start anew.

        Raises:
            OutboxError: it cannot be written.
        """
        if self.hub:
            self._keep({**self._notes(), feed_url: _Note("", 0, "")})

    def __call__(self, now: datetime) -> Pinged:
        """Tell the hub what is due. No failure of the hub leaves here as an exception.

        Args:
            now: aware.

        Raises:
            OutboxError: what is left cannot be written.
        """
        notes = self._notes()
        if not self.hub or not notes:
            return Pinged()
        told: list[str] = []
        given_up: list[str] = []
        problem: str | None = None
        for url, note in list(notes.items()):
            if note.after and datetime.fromisoformat(note.after) > now:
                continue
            # One failure is enough: the others would wait for the same hub.
            problem = problem or publish(self.hub, url, timeout_s=self.timeout_s)
            if problem is None:
                told.append(url)
                del notes[url]
                continue
            failed = _later(note, now)
            if now - datetime.fromisoformat(failed.since) >= GIVE_UP_AFTER:
                given_up.append(url)
                del notes[url]
            else:
                notes[url] = failed
        self._keep(notes)
        return Pinged(
            told=tuple(told),
            waiting=tuple(notes),
            given_up=tuple(given_up),
            problem=problem,
        )

    def _notes(self) -> dict[str, _Note]:
        """Return what is to be told; a file that nobody can read holds nothing worth a halt."""
        try:
            document = json.loads(self.file.read_bytes())
            notes = {str(url): _Note(**note) for url, note in document.items()}
            for note in notes.values():
                _ = note.after and _moment(note.after), note.since and _moment(note.since)
                _ = note.attempts + 0
        except (OSError, ValueError, TypeError, AttributeError):
            return {}
        return notes

    def _keep(self, notes: Mapping[str, _Note]) -> None:
        document = {url: asdict(note) for url, note in notes.items()}
        data = (json.dumps(document, indent=2) + "\n").encode()
        write_if_changed(self.file.parent, self.file.name, data)


def publish(hub: str, feed_url: str, *, timeout_s: float) -> str | None:
    """Tell a hub that a feed changed; return None, or in a line why it did not hear.

    The form is what hubs agreed on before WebSub 1.0, which leaves it to them. A redirect counts as
    a failure: it would send the ping where the settings do not say.
    """
    parts = urlsplit(hub)
    connect = (
        http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    )
    body = urlencode({"hub.mode": "publish", "hub.url": feed_url}).encode()
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Broadsheet"}
    try:
        connection = connect(parts.hostname or "", parts.port, timeout=timeout_s)
        try:
            with _at_most(timeout_s, connection):
                connection.request("POST", target, body, headers)
                answer = connection.getresponse()
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"{parts.hostname}: {error or type(error).__name__}"
    return None if 200 <= answer.status < 300 else f"{parts.hostname}: answered {answer.status}"


@contextmanager
def _at_most(seconds: float, connection: http.client.HTTPConnection) -> Iterator[None]:
    """End an exchange that goes on and on: a socket's timeout counts from the last letter."""
    over = threading.Event()

    def hang_up() -> None:
        over.set()
        with suppress(OSError, AttributeError):  # there is no socket yet, or it has gone
            connection.sock.shutdown(socket.SHUT_RDWR)

    clock = threading.Timer(seconds, hang_up)
    clock.daemon = True
    clock.start()
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        if over.is_set():
            raise TimeoutError("timed out") from error
        raise
    finally:
        clock.cancel()


def _later(note: _Note, now: datetime) -> _Note:
    """Return a note after one more failure: the waits grow fourfold, up to six hours."""
    wait = min(_FIRST_WAIT * 4 ** min(note.attempts, 10), _LONGEST_WAIT)
    return replace(
        note,
        since=note.since or now.astimezone(UTC).isoformat(),
        attempts=note.attempts + 1,
        after=(now + wait).astimezone(UTC).isoformat(),
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment
