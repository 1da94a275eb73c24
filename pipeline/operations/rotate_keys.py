"""Let a new secret sign; what older ones signed stays valid."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from pipeline.audience.secrets import add_secret


class RotateKeys(Struct, frozen=True, kw_only=True):
    """Add a secret to those of the workspace."""

    file: Path

    def __call__(self) -> int:
        """Return the number of the new secret.

        A process that runs has read the file already: it neither signs with the new secret nor
        knows the links of those who do, until it is started again.

        Raises:
            ConfigError: the file is missing, cannot be written, or is full.
        """
        return add_secret(self.file)
