"""Writes each message into a folder, whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from pipeline.errors import SenderUnavailable
from pipeline.model.delivery import Accepted, Envelope, Outcome
from pipeline.senders.address import BadAddress, wire_address
from pipeline.senders.options import OptionReader

_MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE)


class Eml(Struct, frozen=True):
    """A folder of `.eml` files, readable by their owner alone."""

    folder: Path

    @contextmanager
    def open(self) -> Iterator[EmlSession]:
        """Open the folder, made if it is missing; see `ports.Sender.open`."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise SenderUnavailable(f"{self.folder}: {error.strerror}") from error
        try:
            yield EmlSession(self.folder, directory)
        finally:
            os.close(directory)


class EmlSession(Struct, frozen=True):
    """An open folder."""

    folder: Path
    directory: int  # file descriptor: the folder stays the same if its path is swapped

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        """Write one message; see `ports.Session.send`.

        The name comes from the Message-ID, so a second attempt finds the first; another message
        under the same Message-ID gets a name of its own.
        """
        try:
            wire_address(envelope.recipient, smtputf8=True)
        except BadAddress as error:
            return error.refusal()
        try:
            return Accepted(250, self._store(message))
        except OSError as error:
            raise SenderUnavailable(f"{self.folder}: {error.strerror}") from error

    def _store(self, message: bytes) -> str:
        """Return the name of the file that holds `message`, durably."""
        temporary = f".{os.getpid()}.tmp"
        self._write(temporary, message)
        try:
            name = self._link(temporary, message)
        finally:
            os.unlink(temporary, dir_fd=self.directory)
        os.fsync(self.directory)
        return name

    def _write(self, temporary: str, message: bytes) -> None:
        with suppress(FileNotFoundError):  # what a kill -9 left behind
            os.unlink(temporary, dir_fd=self.directory)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        file = os.open(temporary, flags, 0o600, dir_fd=self.directory)
        try:
            with os.fdopen(file, "wb") as stream:
                stream.write(message)
                stream.flush()
                os.fsync(stream.fileno())
        except BaseException:
            os.unlink(temporary, dir_fd=self.directory)
            raise

    def _link(self, temporary: str, message: bytes) -> str:
        # link() and not rename(): it never overwrites.
        for name in _names(message):
            try:
                os.link(
                    temporary,
                    name,
                    src_dir_fd=self.directory,
                    dst_dir_fd=self.directory,
                    follow_symlinks=False,
                )
            except FileExistsError:
                if self._read(name) != message:
                    continue
            return name
        raise AssertionError("names never run out")

    def _read(self, name: str) -> bytes:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=self.directory)
        with os.fdopen(file, "rb") as stream:
            return stream.read()


def build(options: Mapping[str, object]) -> Eml:
    """Return the sender that writes to `folder`, which is `data/mail` unless it is named.

    Raises:
        ConfigError: an option is unknown, or no text.
    """
    reader = OptionReader(options)
    folder = reader.text("folder")
    reader.done()
    return Eml(Path(folder or "data/mail"))


def _names(message: bytes) -> Iterator[str]:
    header = message.partition(b"\r\n\r\n")[0]
    found = _MESSAGE_ID.search(header)
    stem = sha256(found[1] if found else message).hexdigest()[:24]
    yield f"{stem}.eml"
    number = 2
    while True:
        yield f"{stem}-{number}.eml"
        number += 1
