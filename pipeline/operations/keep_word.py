"""Unsubscriptions that the database could not take at once: kept on disk, then carried out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from threading import get_ident
from typing import Final, NamedTuple

from msgspec import Struct

from pipeline.audience.tokens import Action, TokenError, Tokens
from pipeline.errors import StorageError
from pipeline.model.ports import Clock
from pipeline.model.subscriber import ListId, SubscriberId
from pipeline.operations.unsubscribe import Method, Unsubscribe

# Whoever wrote a word down may still be at it with the database; by then they have ended.
_LEFT_ALONE: Final = timedelta(seconds=10)
_TOGETHER: Final = 50  # words in one commit, which takes a tenth of a second
_SUFFIX: Final = ".json"
_DAMAGED: Final = ".damaged"


class _Word(NamedTuple):
    """What somebody said."""

    token: str
    everything: bool
    method: Method
    at: datetime  # aware, UTC

    def text(self) -> bytes:
        """Return the content of its file."""
        return json.dumps({**self._asdict(), "at": self.at.isoformat()}).encode()

    @classmethod
    def parse(cls, content: bytes) -> _Word:
        """Return the word in a file.

        Raises:
            ValueError: there is none.
        """
        try:
            found = json.loads(content)
            at = datetime.fromisoformat(found["at"])
            if at.tzinfo is None:
                raise ValueError("the time has no zone")
            return cls(str(found["token"]), bool(found["everything"]), found["method"], at)
        except (KeyError, TypeError) as error:
            raise ValueError(str(error)) from error


class KeepWord(Struct, frozen=True, kw_only=True):
    """Promise an unsubscription while somebody else has the database, as an import has.

    A word is a file named after its token's hash, so that saying it twice is saying it once. It
    holds a token and no address. A sender at work looks into the folder when it is told of a
    change, so nobody whose word is kept is written to; see `whose_words`.
    """

    unsubscribe: Unsubscribe
    folder: Path
    tell: Callable[[], None]  # senders, that something changed
    clock: Clock

    def __call__(self, token: str, *, everything: bool = False, method: Method = "page") -> bool:
        """Write a word down durably; return False if the token is not one of ours.

        Raises:
            StorageError: it cannot be written; nothing is promised.
        """
        if self.unsubscribe.bearers.ticket(token, Action.UNSUBSCRIBE) is None:
            return False
        word = _Word(token, everything, method, self.clock())
        try:
            self._write(self._file(token, everything=everything), word.text())
        except OSError as error:
            raise StorageError(f"{self.folder}: cannot be written: {error.strerror}") from error
        self.tell()
        return True

    def undo(self, token: str) -> bool:
        """Give a word back, kept or carried out; see `Unsubscribe.undo`."""
        kept = [self._file(token, everything=everything) for everything in (False, True)]
        was_kept = any(file.exists() for file in kept)
        for file in kept:
            file.unlink(missing_ok=True)
        return self.unsubscribe.undo(token) or was_kept

    def forget(self, token: str, *, everything: bool = False) -> None:
        """Drop a word that was carried out otherwise."""
        self._file(token, everything=everything).unlink(missing_ok=True)

    def carry_out(self) -> int:
        """Carry out some of what was kept a while ago; return how many words are left.

        Safe to repeat, and to be called until nothing is left.

        Raises:
            StorageError: the database is still busy; they stay kept.
        """
        due: dict[Path, _Word] = {}
        left = 0
        for file in sorted(self.folder.glob(f"*{_SUFFIX}")):
            try:
                word = _Word.parse(file.read_bytes())
            except FileNotFoundError:
                continue
            except OSError:
                left += 1  # for a person to look at; it must not hold up the others
                continue
            except ValueError:
                file.replace(file.with_suffix(_DAMAGED))  # the same
                continue
            if len(due) == _TOGETHER or self.clock() - word.at < _LEFT_ALONE:
                left += 1
            else:
                due[file] = word
        if due:
            with self.unsubscribe.bearers.subscribers.database.gathering():
                for file, word in due.items():
                    if file.exists():  # not taken back meanwhile
                        self._do(word)
            for file in due:
                file.unlink(missing_ok=True)
        return left

    def _do(self, word: _Word) -> None:
        """Take them off the lists that the word is about, but what they said after it holds."""
        ticket = self.unsubscribe.bearers.tokens.read(word.token)
        subscriptions = self.unsubscribe.bearers.subscribers.subscriptions(ticket.subscriber)
        about = [each for each in subscriptions if word.everything or each.list == ticket.list]
        if all(each.since <= word.at for each in about):
            self.unsubscribe(word.token, everything=word.everything, method=word.method)
            return
        mint = self.unsubscribe.bearers.tokens.mint
        for each in about:
            if each.since <= word.at:
                token = mint(Action.UNSUBSCRIBE, ticket.subscriber, each.list)
                self.unsubscribe(token, method=word.method)

    def _file(self, token: str, *, everything: bool) -> Path:
        name = blake2b(f"{token} {everything}".encode(), digest_size=16).hexdigest()
        return self.folder / f"{name}{_SUFFIX}"

    def _write(self, file: Path, content: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The whole word or none, also through a power cut: beside its place, synced, then renamed.
        partial = file.with_suffix(f".{os.getpid()}-{get_ident()}.partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        partial.replace(file)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def whose_words(folder: Path, tokens: Tokens) -> frozenset[tuple[SubscriberId, ListId | None]]:
    """Return who waits for a kept word, and which list it leaves (None: all); mostly nobody."""
    found: set[tuple[SubscriberId, ListId | None]] = set()
    for file in folder.glob(f"*{_SUFFIX}"):
        with suppress(OSError, ValueError, TokenError):
            word = _Word.parse(file.read_bytes())
            ticket = tokens.read(word.token)
            found.add((ticket.subscriber, None if word.everything else ticket.list))
    return frozenset(found)
