"""Keys for DKIM: made, read from PEM files, and published as a DNS record.

`cryptography` is an extra, broadsheet[dkim]; it is imported when there is a key to make or read.
"""

from __future__ import annotations

import os
import re
import stat
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from msgspec import Struct

from pipeline.errors import ConfigError

RSA_BITS: Final = 2048  # what we make, and the least we take (RFC 8301 3.2)
WORTHLESS_BITS: Final = 1024  # verifiers must not believe less
MOST_BITS: Final = 4096  # verifiers need not know more
STRING: Final = 255  # octets of one string of a TXT record (RFC 1035 3.3)
LARGEST_FILE: Final = 16_384  # bytes

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_SELECTOR = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LONGEST_NAME: Final = 253


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A private key under its selector; never printed."""

    selector: str
    algorithm: str  # of the tag a=: rsa-sha256 or ed25519-sha256
    public: bytes  # as the tag p= has it before base64
    sign: Callable[[bytes], bytes] = field(repr=False, compare=False)


class DnsRecord(Struct, frozen=True):
    """The TXT record under which verifiers find a public key (RFC 6376 3.6.2)."""

    name: str  # without the dot at its end
    value: str

    @property
    def strings(self) -> tuple[str, ...]:
        """The value in strings of at most 255 octets; verifiers join them."""
        return tuple(self.value[at : at + STRING] for at in range(0, len(self.value), STRING))

    @property
    def zone_line(self) -> str:
        """The record as a line of a zone file (RFC 1035 5.1)."""
        quoted = " ".join(f'"{string}"' for string in self.strings)
        return f"{self.name}. IN TXT ( {quoted} )"


def dns_record(key: DkimKey, domain: str) -> DnsRecord:
    """Return what to publish for a key."""
    kind = key.algorithm.partition("-")[0]
    public = b64encode(key.public).decode("ascii")
    return DnsRecord(
        f"{key.selector}._domainkey.{checked_domain(domain)}", f"v=DKIM1; k={kind}; p={public}"
    )


def load_key(path: Path, selector: str) -> DkimKey:
    """Read a private key.

    Args:
        path: PEM, not encrypted, readable by its owner only.
        selector: the name it is published under.

    Raises:
        ConfigError: it is missing, others can read it, it is no key for DKIM, or it is too weak;
            the message names the file and never quotes it.
    """
    private = _parsed(path, _read(path))
    return _key(path, private, checked_selector(selector))


def make_key(path: Path, *, ed25519: bool = False) -> None:
    """Write a new private key: PEM (PKCS #8), for its owner only.

    Raises:
        ConfigError: the file exists, which is left as it is, or cannot be written.
    """
    content = _generated(ed25519=ed25519)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)  # whatever the umask
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except FileExistsError as error:
        raise ConfigError(
            f"{path}: is there already, and mail may be signed with it; name another with --out"
        ) from error
    except OSError as error:
        raise ConfigError(f"{path}: the key cannot be written: {error.strerror}") from error


def checked_domain(domain: str) -> str:
    """Return the domain in lower case if it can stand in d=.

    Raises:
        ConfigError: it cannot.
    """
    if len(domain) > _LONGEST_NAME or not _DOMAIN.fullmatch(domain.lower()):
        raise ConfigError(f"dkim: {domain!a} is no domain; write it in ASCII, as news.example.org")
    return domain.lower()


def checked_selector(selector: str) -> str:
    """Return the selector if it is one.

    Raises:
        ConfigError: it is not.
    """
    if len(selector) > _LONGEST_NAME or not _SELECTOR.fullmatch(selector):
        raise ConfigError(
            f"dkim: {selector!a} is no selector; use lower-case letters, digits and hyphens, as s1"
        )
    return selector


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise ConfigError(
                    f"{path}: others can read the key (mode {mode:04o}); run: chmod 600 {path}"
                )
            return file.read(LARGEST_FILE)
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: the key is missing; restore it from a backup, or make a new one with: "
            "broadsheet dkim keygen"
        ) from error
    except OSError as error:
        raise ConfigError(f"{path}: the key cannot be used: {error.strerror}") from error


def _key(path: Path, private: object, selector: str) -> DkimKey:
    """Return what signs with a private key, if DKIM has a use for it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    match private:
        case RSAPrivateKey():
            _check_size(path, private.key_size)
            return DkimKey(
                selector,
                "rsa-sha256",
                private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
                partial(private.sign, padding=PKCS1v15(), algorithm=SHA256()),
            )
        case Ed25519PrivateKey():
            return DkimKey(
                selector,
                "ed25519-sha256",
                private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
                lambda data: private.sign(sha256(data).digest()),  # RFC 8463 3
            )
        case _:
            raise ConfigError(f"{path}: is neither an RSA nor an Ed25519 key; DKIM knows no other")


def _check_size(path: Path, bits: int) -> None:
    remedy = "make a new one with: broadsheet dkim keygen"
    if bits < WORTHLESS_BITS:
        raise ConfigError(f"{path}: an RSA key of {bits} bits is worthless to verifiers; {remedy}")
    if bits < RSA_BITS:
        raise ConfigError(f"{path}: an RSA key of {bits} bits is too weak; {remedy}")
    if bits > MOST_BITS:
        raise ConfigError(f"{path}: not every verifier knows RSA keys of {bits} bits; {remedy}")


def _generated(*, ed25519: bool) -> bytes:
    _require_cryptography()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    private = (
        Ed25519PrivateKey.generate()
        if ed25519
        else generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    )
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _parsed(path: Path, content: bytes) -> object:
    _require_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(content, password=None)
    except TypeError:
        problem = "is encrypted; store it without a passphrase, readable by its owner only"
    except (ValueError, UnsupportedAlgorithm):
        problem = "is no private key in PEM; make one with: broadsheet dkim keygen"
    # Not in the handler: the error to chain would come from inside the key.
    raise ConfigError(f"{path}: {problem}")


def _require_cryptography() -> None:
    if find_spec("cryptography") is None:
        raise ConfigError("signing needs a package that is missing; install broadsheet[dkim]")
