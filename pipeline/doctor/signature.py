"""Reading and checking DKIM signatures (RFC 6376, 8463), apart from the code that writes them."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from msgspec import Struct

_SIGNATURE: Final = b"dkim-signature"


class PublicKey(Struct, frozen=True):
    """A key as its DNS record will have it."""

    algorithm: str  # of the tag a=: rsa-sha256 or ed25519-sha256
    public: bytes  # as the tag p= has it before base64


class Signature(Struct, frozen=True):
    """One DKIM-Signature field."""

    line: bytes  # name and value as they stand, folded
    tags: Mapping[str, str]  # by name, blanks removed

    @property
    def algorithm(self) -> str:
        """Tag a=."""
        return self.tags.get("a", "")

    @property
    def domain(self) -> str:
        """Tag d=."""
        return self.tags.get("d", "").lower()

    @property
    def selector(self) -> str:
        """Tag s=."""
        return self.tags.get("s", "").lower()

    @property
    def signed(self) -> tuple[str, ...]:
        """The names of tag h=, in order."""
        return tuple(name.strip().lower() for name in self.tags.get("h", "").split(":"))


def signatures(raw: bytes) -> tuple[Signature, ...]:
    """Return the signatures of a message, from the top down."""
    return tuple(
        Signature(line, _tags(line.partition(b":")[2]))
        for line in _fields(raw.partition(b"\r\n\r\n")[0])
        if line.partition(b":")[0].strip().lower() == _SIGNATURE
    )


def body_hash_holds(signature: Signature, raw: bytes) -> bool:
    """Return whether the body is the one that was signed."""
    body = raw.partition(b"\r\n\r\n")[2]
    if signature.tags.get("c", "simple/simple").rpartition("/")[2] == "relaxed":
        body = re.sub(rb"[ \t]+", b" ", body).replace(b" \r\n", b"\r\n").rstrip(b" \r\n")
        body = body + b"\r\n" if body else b""
    else:
        body = re.sub(rb"(?:\r\n)*\Z", b"\r\n", body, count=1)
    return sha256(body).digest() == _decoded(signature.tags.get("bh", ""))


def signature_holds(signature: Signature, raw: bytes, key: PublicKey) -> bool:
    """Return whether the key's owner signed these fields; only relaxed headers are known."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    data = _signed_bytes(signature, raw)
    value = _decoded(signature.tags.get("b", ""))
    try:
        if key.algorithm == "ed25519-sha256":
            public = Ed25519PublicKey.from_public_bytes(key.public)
            public.verify(value, sha256(data).digest())
            return True
        rsa = load_der_public_key(key.public)
        if isinstance(rsa, RSAPublicKey):
            rsa.verify(value, data, PKCS1v15(), SHA256())
            return True
    except (InvalidSignature, ValueError):
        return False
    return False


def rsa_bits(public: bytes) -> int:
    """Return the size of an RSA key in SubjectPublicKeyInfo form; 0 if it is none."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(public)
    except ValueError:
        return 0
    return key.key_size if isinstance(key, RSAPublicKey) else 0


def _signed_bytes(signature: Signature, raw: bytes) -> bytes:
    fields = _fields(raw.partition(b"\r\n\r\n")[0])
    left: dict[bytes, list[bytes]] = {}
    for line in fields:
        left.setdefault(line.partition(b":")[0].strip().lower(), []).append(line)
    data = b""
    for name in signature.signed:
        known = left.get(name.encode("ascii", "replace"), [])
        if known:
            data += _relaxed(known.pop()) + b"\r\n"  # from the bottom up (RFC 6376 5.4.2)
    return data + _relaxed(re.sub(rb"([;\s]b=)[^;]*", rb"\1", signature.line))


def _relaxed(line: bytes) -> bytes:
    """Return a field as `relaxed` has it (RFC 6376 3.4.2), without its line end."""
    name, _, value = line.partition(b":")
    flat = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip()
    return name.strip().lower() + b":" + flat


def _fields(head: bytes) -> list[bytes]:
    return re.split(rb"\r\n(?![ \t])", head)


def _tags(value: bytes) -> dict[str, str]:
    text = re.sub(r"\s+", "", value.decode("latin-1"))
    pairs = (pair.partition("=") for pair in text.split(";") if pair)
    return {name: content for name, _, content in pairs}


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except NotBase64:
        return b""
