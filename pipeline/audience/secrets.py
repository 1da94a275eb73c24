"""The workspace's secret and the keys derived from it, one for each purpose."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pipeline.errors import ConfigError

LENGTH: Final = 32  # bytes


@dataclass(frozen=True, slots=True)
class Keys:
    """What is derived from the secret; never printed."""

    secret: bytes = field(repr=False)

    def derive(self, purpose: str) -> bytes:
        """Return the key of a purpose: 32 bytes that say nothing about any other's."""
        return hmac.digest(self.secret, f"broadsheet {purpose}".encode(), "sha256")


def load_secret(path: Path, *, create: bool = True) -> bytes:
    """Read the secret, made first if it is missing.

    Whoever has the file can forge unsubscribe links. Whoever loses it breaks every link sent so
    far and forgets which addresses are suppressed: keep it in the backup.

    Args:
        path: 64 hexadecimal digits and a line end, readable by its owner only.
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
            return _parse(path, file.read(1024))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: the secret is missing; restore it from a backup") from error
    except OSError as error:
        raise ConfigError(f"{path}: the secret cannot be used: {error.strerror}") from error


def _parse(path: Path, content: bytes) -> bytes:
    try:
        secret = bytes.fromhex(content.decode("ascii").strip())
    except ValueError:
        secret = b""
    if len(secret) != LENGTH:
        # No excerpt and no chain: either would show a part of it.
        raise ConfigError(
            f"{path}: the secret is damaged: expected {LENGTH * 2} hexadecimal digits;"
            " restore it from a backup"
        ) from None
    return secret


def _create(path: Path) -> None:
    """Write a new secret whole or not at all; of two processes at once, one wins for both."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(LENGTH).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(partial)  # unlike a rename, it never replaces
        except FileExistsError:
            return
    finally:
        partial.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
