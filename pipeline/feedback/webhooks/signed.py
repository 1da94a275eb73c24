"""Signatures by public keys; `cryptography` is loaded where one is checked."""

from __future__ import annotations

from base64 import b64decode
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_INSTALL = (
    "checking this webhook needs the package cryptography: pip install 'broadsheet[webhooks]'"
)


class Certificate(Struct, frozen=True):
    """A public key, and the time in which it may be used."""

    key: RSAPublicKey
    not_before: datetime  # aware, UTC
    not_after: datetime


def ecdsa_holds(key: bytes, signature: bytes, signed: bytes) -> bool:
    """Whether a signature (DER, SHA-256) is that of a key.

    Args:
        key: base64 of a SubjectPublicKeyInfo, or PEM.
        signature: as it came.
        signed: what it shall be a signature of.

    Raises:
        ConfigError: the key cannot be used.
    """
    loaded = _ec_key(key)  # says what to install, before we import it
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        loaded.verify(signature, signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def rsa_holds(certificate: Certificate, signature: bytes, signed: bytes) -> bool:
    """Whether a signature (PKCS #1 v1.5, SHA-256) is that of a certificate's key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        certificate.key.verify(signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=8)
def load_certificate(pem: bytes) -> Certificate:
    """Return a certificate.

    Raises:
        ConfigError: it is none, or has no RSA key.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    except ImportError as error:
        raise ConfigError(_INSTALL) from error
    try:
        found = x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise ConfigError("secret_file of the webhook holds no certificate in PEM") from error
    key = found.public_key()
    if not isinstance(key, RSAPublicKey):
        raise ConfigError("the certificate in secret_file has no RSA key")
    return Certificate(key, found.not_valid_before_utc, found.not_valid_after_utc)


@lru_cache(maxsize=8)
def _ec_key(key: bytes) -> EllipticCurvePublicKey:
    try:
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
        from cryptography.hazmat.primitives.serialization import (
            load_der_public_key,
            load_pem_public_key,
        )
    except ImportError as error:
        raise ConfigError(_INSTALL) from error
    try:
        if key.startswith(b"-----"):
            found = load_pem_public_key(key)
        else:
            found = load_der_public_key(b64decode(key, validate=True))
    except ValueError as error:
        raise ConfigError("secret_file of the webhook holds no public key") from error
    if not isinstance(found, EllipticCurvePublicKey):
        raise ConfigError("the key in secret_file of the webhook is not one for ECDSA")
    return found
