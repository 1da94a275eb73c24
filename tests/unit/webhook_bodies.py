"""What providers post, made here with invented values and keys of our own, signed as they sign."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from tests.unit.returned_mail import NOW

RETURN_PATH: Final = "b-" + "a" * 24
SENDER: Final = f"{RETURN_PATH}@bounces.news.example.org"
MESSAGE_ID: Final = "issue-91.k7Qk2mP9b3J1@news.example.org"
TOPIC: Final = "arn:aws:sns:eu-west-1:123456789012:returned"
SAID: Final = "550 5.1.1 no such user here"

Post = tuple[dict[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Provider:
    """How one provider posts."""

    kind: str
    event: Mapping[str, Any]  # a hard bounce, as it describes it
    secret: bytes
    other_secret: bytes  # somebody else's
    post: Callable[[bytes, datetime], Post]  # the body around an event's JSON, signed
    timed: bool = True  # it signs a time
    over_bytes: bool = True  # it signs the body as it stands

    def posted(self, at: datetime = NOW, **changes: Any) -> Post:
        """Return headers and body of an event, with some of its fields changed."""
        return self.post(json.dumps({**self.event, **changes}).encode(), at)


def _seconds(at: datetime) -> str:
    return str(int(at.timestamp()))


def _generic(event: bytes, at: datetime) -> Post:
    return signed_generic(b'{"events": [' + event + b"]}", at)


def signed_generic(body: bytes, at: datetime = NOW) -> Post:
    """Return any bytes with a signature of ours."""
    time = _seconds(at)
    signature = hmac.digest(b"a key", time.encode() + b"." + body, "sha256").hex()
    return {"x-webhook-timestamp": time, "x-webhook-signature": signature}, body


def _mailgun(event: bytes, at: datetime) -> Post:
    time, token = _seconds(at), "4b1d" * 12
    signature = {
        "timestamp": time,
        "token": token,
        "signature": hmac.digest(b"a key", (time + token).encode(), "sha256").hex(),
    }
    return {}, b'{"signature": %s, "event-data": %s}' % (json.dumps(signature).encode(), event)


def _postmark(event: bytes, at: datetime) -> Post:
    del at
    return {"authorization": f"Basic {b64encode(b'news:a key').decode()}"}, event


@cache
def ec_key(number: int) -> ec.EllipticCurvePrivateKey:
    """Return a key for ECDSA."""
    del number
    return ec.generate_private_key(ec.SECP256R1())


def shown(number: int) -> bytes:
    """Return a public key as SendGrid shows it."""
    public = ec_key(number).public_key()
    return b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _sendgrid(event: bytes, at: datetime) -> Post:
    time, body = _seconds(at), b"[" + event + b"]\r\n"
    signature = ec_key(1).sign(time.encode() + body, ec.ECDSA(SHA256()))
    return {
        "x-twilio-email-event-webhook-timestamp": time,
        "x-twilio-email-event-webhook-signature": b64encode(signature).decode(),
    }, body


@cache
def rsa_key(number: int) -> rsa.RSAPrivateKey:
    """Return a key for RSA."""
    del number
    return rsa.generate_private_key(65537, 2048)


@cache
def certificate(number: int, days: int = 300) -> bytes:
    """Return the file that the operator makes: a topic, and a certificate of so many days."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(rsa_key(number).public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=10))
        .not_valid_after(NOW - timedelta(days=10) + timedelta(days=days))
        .sign(rsa_key(number), SHA256())
    )
    return f"TopicArn: {TOPIC}\n".encode() + made.public_bytes(Encoding.PEM)


def sns(at: datetime = NOW, **changes: str) -> Post:
    """Return what SNS posts, signed after the changes."""
    told = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Message": "{}",
        "Timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "SignatureVersion": "2",
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        **changes,
    }
    names = {"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"}
    if told["Type"] != "Notification":
        names = names - {"Subject"} | {"SubscribeURL", "Token"}
    plain = "".join(f"{name}\n{told[name]}\n" for name in sorted(names & told.keys())).encode()
    told.setdefault("Signature", b64encode(rsa_key(1).sign(plain, PKCS1v15(), SHA256())).decode())
    return {}, json.dumps(told).encode()


def _ses(event: bytes, at: datetime) -> Post:
    return sns(at, Message=event.decode())


GENERIC: Final = Provider(
    "generic",
    {
        "id": "1",
        "kind": "hard",
        "recipient": "ann@example.org",
        "status": "5.1.1",
        "reply": SAID,
        "return_path": SENDER,
        "message_id": f"<{MESSAGE_ID}>",
    },
    b"a key\n",
    b"another key\n",
    _generic,
)
MAILGUN: Final = Provider(
    "mailgun",
    {
        "event": "failed",
        "severity": "permanent",
        "reason": "bounce",
        "id": "G9Bn5sl1TC6nu79C8C0bwg",
        "recipient": "ann@example.org",
        "envelope": {"sender": SENDER, "transport": "smtp"},
        "message": {"headers": {"message-id": MESSAGE_ID, "subject": "Hello"}},
        "delivery-status": {"code": 550, "message": SAID, "enhanced-code": "5.1.1"},
    },
    b"a key\n",
    b"another key\n",
    _mailgun,
    over_bytes=False,
)
POSTMARK: Final = Provider(
    "postmark",
    {
        "RecordType": "Bounce",
        "ID": 4323372036854775807,
        "Type": "HardBounce",
        "Email": "ann@example.org",
        "Details": SAID,
        "BouncedAt": "2026-11-22T09:00:00Z",
        "Content": (
            f"Return-Path: <>\r\nFrom: MAILER-DAEMON@example.net\r\nTo: {SENDER}\r\n"
            "Subject: Undelivered Mail\r\n\r\n<ann@example.org>: 550 5.1.1 no such user here\r\n"
            f"\r\n--- Below is a copy of the message.\r\n\r\nMessage-ID: <{MESSAGE_ID}>\r\n"
        ),
    },
    b"news:a key\n",
    b"news:another key\n",
    _postmark,
    timed=False,
    over_bytes=False,
)
SENDGRID: Final = Provider(
    "sendgrid",
    {
        "event": "bounce",
        "type": "bounce",
        "bounce_classification": "Invalid Address",
        "email": "ann@example.org",
        "status": "5.1.1",
        "reason": SAID,
        "smtp-id": f"<{MESSAGE_ID}>",
        "sg_event_id": "MTFmZW5jZQ",
        "timestamp": 1795338000,
    },
    shown(1) + b"\n",
    shown(2) + b"\n",
    _sendgrid,
)
SES: Final = Provider(
    "ses",
    {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "bouncedRecipients": [
                {"emailAddress": "ann@example.org", "status": "5.1.1", "diagnosticCode": SAID}
            ],
        },
        "mail": {
            "source": SENDER,
            "headers": [
                {"name": "Message-ID", "value": f"<{MESSAGE_ID}>"},
                {
                    "name": "List-Unsubscribe",
                    "value": f"<https://news.example.org/u/{'t' * 32}>, <mailto:u@example.org>",
                },
            ],
        },
    },
    certificate(1),
    certificate(2),
    _ses,
    over_bytes=False,
)
PROVIDERS: Final = (GENERIC, MAILGUN, POSTMARK, SENDGRID, SES)
