"""The workspace's secrets and the keys derived from them, one for each purpose."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from pipeline.errors import ConfigError

LENGTH: Final = 32  # bytes
MOST: Final = 255  # a token has one byte for the number of its key


@dataclass(frozen=True, slots=True)
class Keys:
    """What is derived from the secrets, numbered from 1 in the order they were made; never printed.

    The newest signs. Older ones are kept to read what they signed, and the oldest one for what
    can never be computed anew.
    """

    secrets: tuple[bytes, ...] = field(repr=False)
    file: Path | None = field(default=None, repr=False, compare=False)  # where they stand

    oldest: ClassVar[int] = 1

    @property
    def newest(self) -> int:
        """The number of the key that signs."""
        return len(self.secrets)

    @property
    def numbers(self) -> range:
        """The numbers of all keys."""
        return range(1, len(self.secrets) + 1)

    def newer(self) -> Keys | None:
        """Return the keys as the file has them now if there are more; None: there are not.

        A process that runs for weeks reads links that another one signed with a newer key.
        """
        if self.file is None:
            return None
        with suppress(ConfigError):
            found = load_secrets(self.file, create=False)
            if len(found) > len(self.secrets):
                return Keys(found, self.file)
        return None

    def derive(self, purpose: str, number: int = 1) -> bytes:
        """Return the key of a purpose: 32 bytes that say nothing about any other's."""
        return hmac.digest(self.secrets[number - 1], f"broadsheet {purpose}".encode(), "sha256")


def load_secrets(path: Path, *, create: bool = True) -> tuple[bytes, ...]:
    """Read the secrets, the first one made if the file is missing; the oldest comes first.

    Whoever has the file can forge unsubscribe links. Whoever loses it breaks every link sent so
    far and forgets which addresses are suppressed: keep it in the backup.

    Args:
        path: a line of 64 hexadecimal digits for each, readable by its owner only.
        create: False where a new secret would do harm, as beside an old database.

    Raises:
        ConfigError: others can read it, it is damaged, or it is missing and must not be made.
    """
    try:
        if create and not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _create(path)
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise ConfigError(
                    f"{path}: others can read the secret (mode {mode:04o}); run: chmod 600 {path}"
                )
            return _parse(path, file.read())
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: the secret is missing; restore it from a backup") from error
    except OSError as error:
        raise ConfigError(f"{path}: the secret cannot be used: {error.strerror}") from error


def add_secret(path: Path) -> int:
    """Make a new secret the one that signs; return its number.

    The file is replaced whole. Links that were sent go on working, as the older secrets stay.

    Raises:
        ConfigError: the file cannot be read or written, or is full.
    """
    known = load_secrets(path, create=False)
    if len(known) >= MOST:
        raise ConfigError(f"{path}: there are {MOST} secrets already, more have no number")
    try:
        partial = _partial(path, (*known, secrets.token_bytes(LENGTH)))
        partial.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise ConfigError(f"{path}: the secret cannot be written: {error.strerror}") from error
    return len(known) + 1


def _parse(path: Path, content: bytes) -> tuple[bytes, ...]:
    try:
        found = tuple(bytes.fromhex(line) for line in content.decode("ascii").split())
    except ValueError:
        found = ()
    if not 0 < len(found) <= MOST or any(len(secret) != LENGTH for secret in found):
        # No excerpt and no chain: either would show a part of it.
        raise ConfigError(
            f"{path}: the secret is damaged: expected {LENGTH * 2} hexadecimal digits a line;"
            " restore it from a backup"
        ) from None
    return found


def _create(path: Path) -> None:
    """Write a new secret whole or not at all; of two processes at once, one wins for both."""
    partial = _partial(path, (secrets.token_bytes(LENGTH),))
    try:
        path.hardlink_to(partial)  # unlike a rename, it never replaces
    except FileExistsError:
        return
    finally:
        partial.unlink()
    _sync_folder(path.parent)


def _partial(path: Path, content: tuple[bytes, ...]) -> Path:
    """Write secrets to a file of this process beside `path`."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(f"{secret.hex()}\n".encode() for secret in content)
        file.flush()
        os.fsync(file.fileno())
    return partial


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
