"""Feedback that providers post to us, each in its own form; `READERS` knows them by name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pipeline.errors import ConfigError
from pipeline.feedback.webhooks import generic, mailgun, postmark, sendgrid, ses
from pipeline.feedback.webhooks.posted import LARGEST, Posted, Read, WebhookRefused

__all__ = ["LARGEST", "READERS", "Posted", "WebhookRefused", "read_posted"]

READERS: Final[Mapping[str, Read]] = {
    "ses": ses.read,
    "postmark": postmark.read,
    "mailgun": mailgun.read,
    "sendgrid": sendgrid.read,
    "generic": generic.read,
}


def read_posted(
    kind: str, headers: Mapping[str, str], body: bytes, secret: bytes, now: datetime
) -> Posted:
    """Return what a provider posted, if it did.

    Pure, but for the loading of `cryptography`.

    Args:
        kind: a key of READERS.
        headers: of the request; names in lower case.
        body: the bytes as they came: signatures are over bytes.
        secret: the content of the webhook's `secret_file`.
        now: aware, UTC.

    Raises:
        WebhookRefused: it is forged, stale, or not what the provider documents.
        ConfigError: nobody reads that kind, or its secret cannot be used.
    """
    if kind not in READERS:
        raise ConfigError(f"no webhook is of kind {kind!r}; there are: {', '.join(READERS)}")
    secret = secret.strip()
    if not secret:  # an HMAC with an empty key is no proof: anybody can make it
        raise ConfigError("secret_file of the webhook is empty")
    if len(body) > LARGEST:
        raise WebhookRefused(f"the body is longer than {LARGEST} bytes")
    return READERS[kind](headers, body, secret, now)
