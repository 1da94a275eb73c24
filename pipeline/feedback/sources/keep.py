"""Mail that nobody could read: kept for a person to look at, for a while, under its digest."""

from __future__ import annotations

import os
import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from pipeline.errors import ConfigError, StorageError
from pipeline.feedback.sources.files import write_private

MOST: Final = 1000  # mails; a flood pushes the oldest out instead of filling the disk

_NAME: Final = re.compile(r"[0-9a-f]{64}\.(eml|json)")
_SUBJECT: Final = re.compile(rb"^subject:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]{4}[A-Za-z0-9+/\r\n]*")
_SOFT_BREAK: Final = re.compile(rb"=[ \t]*\r?\n")


class Kept(Struct, frozen=True, kw_only=True):
    """One mail or webhook body that waits for a person."""

    id: str  # sha256 of its bytes, hex
    kind: str  # "mail" | "webhook"
    at: datetime  # aware, UTC: when it was kept first
    size: int  # bytes
    subject: str  # printable ASCII, at most 80 characters


class Unread(Struct, frozen=True):
    """The folder of what nobody could read; its files are for their owner only."""

    folder: Path
    most: int = MOST

    def keep(self, raw: bytes, now: datetime, *, webhook: bool = False) -> str:
        """Keep bytes and return their id; the same bytes again change nothing.

        Raises:
            StorageError: they could not be written, and are not kept.
        """
        id_ = sha256(raw).hexdigest()
        file = self.folder / f"{id_}.{'json' if webhook else 'eml'}"
        if not file.exists():
            write_private(file, raw)
            os.utime(file, (now.timestamp(), now.timestamp()))
            for each in self.all()[: -self.most]:
                self.delete(each.id)
        return id_

    def all(self) -> tuple[Kept, ...]:
        """Return what is kept, oldest first."""
        found = []
        for file in self._files():
            with suppress(FileNotFoundError):  # another process was faster
                found.append(_look_at(file))
        return tuple(sorted(found, key=lambda kept: (kept.at, kept.id)))

    def find(self, start: str) -> Kept:
        """Return the one whose id starts so.

        Raises:
            ConfigError: none does, or several.
        """
        found = [kept for kept in self.all() if kept.id.startswith(start.lower())]
        if len(found) != 1:
            how = "nothing kept has" if not found else f"{len(found)} kept mails have"
            raise ConfigError(
                f"{how} an id that starts with {start!r};"
                " `broadsheet feedback list --unread` shows all ids"
            )
        return found[0]

    def read(self, kept: Kept) -> bytes:
        """Return the bytes of one.

        Raises:
            StorageError: it cannot be read.
        """
        try:
            return self._file(kept.id).read_bytes()
        except OSError as error:
            raise StorageError(f"{self._file(kept.id)}: {error.strerror}") from error

    def delete(self, id_: str) -> None:
        """Delete one; nothing happens if it is gone."""
        with _explained(self.folder):
            self._file(id_).unlink(missing_ok=True)

    def expire(self, now: datetime, keep: timedelta) -> int:
        """Delete what was kept for longer than `keep`; return how many."""
        old = [kept for kept in self.all() if now - kept.at > keep]
        for kept in old:
            self.delete(kept.id)
        return len(old)

    def forget(self, address: str) -> int:
        """Delete everything that holds an address, however it is encoded; return how many.

        Raises:
            StorageError: something could not be read or deleted: it may still hold the address.
        """
        count = 0
        for kept in self.all():
            if mentions(self.read(kept), address):
                self.delete(kept.id)
                count += 1
        return count

    def _files(self) -> Iterator[Path]:
        with _explained(self.folder):
            if self.folder.exists():
                for file in self.folder.iterdir():
                    if _NAME.fullmatch(file.name) and file.is_file():
                        yield file

    def _file(self, id_: str) -> Path:
        mail = self.folder / f"{id_}.eml"
        return mail if mail.exists() else mail.with_suffix(".json")


def mentions(raw: bytes, address: str) -> bool:
    """Whether bytes hold an address: as it is, in any case, or in an encoding that mail uses.

    Raises:
        ValueError: it is no address; everything would hold the empty one.
    """
    if "@" not in address:
        raise ValueError("an address has an @")
    plain = address.lower().encode()
    # A return path of somebody else's list may carry it with = in place of @.
    wanted = {plain, plain.replace(b"@", b"=")}
    return any(form in view.lower() for view in _views(raw) for form in wanted)


def _views(raw: bytes) -> Iterator[bytes]:
    """Yield the bytes as they are, and as decoders would show them."""
    yield raw
    yield raw.replace(b"\\u0040", b"@")
    yield unquote_to_bytes(raw)
    # Quoted-printable, and percent signs of URLs in it.
    yield unquote_to_bytes(_SOFT_BREAK.sub(b"", raw).replace(b"=", b"%"))
    for run in _BASE64.findall(raw):
        digits = run.replace(b"\r", b"").replace(b"\n", b"")
        # Words before a block look like base64 too: one of four starts is that of the block.
        for start in range(4):
            part = digits[start:]
            if len(part) % 4 == 1:  # not even a byte more
                part = part[:-1]
            yield b64decode(part + b"=" * (-len(part) % 4))


def _look_at(file: Path) -> Kept:
    with file.open("rb") as stream:
        facts, head = os.fstat(stream.fileno()), stream.read(1 << 14)
    subject = _SUBJECT.search(head.partition(b"\r\n\r\n")[0].partition(b"\n\n")[0])
    text = subject[1].decode("ascii", "replace") if subject else ""
    return Kept(
        id=file.stem,
        kind="mail" if file.suffix == ".eml" else "webhook",
        at=datetime.fromtimestamp(facts.st_mtime, UTC),
        size=facts.st_size,
        subject="".join(char if " " <= char <= "~" else "?" for char in text[:80]),
    )


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror}; look at its owner and mode") from error
