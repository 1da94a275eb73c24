"""Amazon SES by way of SNS: notifications signed with the key of a certificate we were given."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from pipeline.errors import ConfigError
from pipeline.feedback.webhooks.posted import (
    Posted,
    Told,
    WebhookRefused,
    event_key,
    feedback,
    judged,
    optional,
    parsed,
    part,
    record,
    records,
    require_recent,
    text,
)
from pipeline.feedback.webhooks.signed import load_certificate, rsa_holds
from pipeline.model.feedback import FeedbackKind

_TOPIC: Final = re.compile(
    rb"^TopicArn:\s*(arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w.-]+)\s*$", re.MULTILINE
)
_HOST: Final = re.compile(r"sns\.[a-z0-9-]{1,30}\.amazonaws\.com(?:\.cn)?")
# In this order, each as "name LF value LF"; Subject only if it is there.
_CONFIRMATION: Final = (
    *("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
)
_SIGNED: Final = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}

_BOUNCES: Final = {
    ("Permanent", None): FeedbackKind.HARD,
    ("Transient", "MailboxFull"): FeedbackKind.MAILBOX,
    ("Transient", "MessageTooLarge"): FeedbackKind.SENDER_FAULT,
    ("Transient", "ContentRejected"): FeedbackKind.SENDER_FAULT,
    ("Transient", "AttachmentRejected"): FeedbackKind.SENDER_FAULT,
    ("Transient", None): FeedbackKind.TRANSIENT,
}
# Each of its retries keeps the time of the first; a replay has the id of one that was heard.
_RETRIES: Final = timedelta(hours=1)
_TOKEN: Final = re.compile(r"/u/([A-Za-z0-9_-]{32})(?![A-Za-z0-9_-])")


def read(headers: Mapping[str, str], body: bytes, secret: bytes, now: datetime) -> Posted:
    """Read a body; see `posted.Read`.

    The secret is the certificate that signs for SNS in your region, in PEM, under a line
    `TopicArn: arn:aws:sns:...`: anybody may have SNS sign something about a topic of their own.
    Nothing is fetched: neither the certificate, nor the URL that confirms a subscription, which
    is for the operator to open.
    """
    del headers
    told = record(parsed(body))
    _require_genuine(told, secret, now)
    if told["Type"] != "Notification":
        return Posted(for_operator=True)
    message = text(told, "Message")
    if message.startswith("Successfully validated SNS topic"):
        return Posted()
    return Posted(tuple(_told(record(parsed(message)), text(told, "MessageId"))))


def _require_genuine(told: Mapping[str, Any], secret: bytes, now: datetime) -> None:
    topic = _TOPIC.search(secret)
    if topic is None:
        raise ConfigError(
            "secret_file of an SES webhook starts with a line `TopicArn: arn:aws:...`"
        )
    if text(told, "SignatureVersion") != "2":
        raise WebhookRefused(
            "only signatures of version 2 are read (SHA-256); set SignatureVersion=2 of the topic",
            forged=True,
        )
    certificate = load_certificate(secret)
    if not _comes_from_sns(text(told, "SigningCertURL")):
        raise WebhookRefused("SigningCertURL is not at sns.REGION.amazonaws.com", forged=True)
    if not rsa_holds(certificate, _signature(told), _canonical(told)):
        raise WebhookRefused(
            "the signature is wrong, or of another certificate than that in secret_file:"
            " compare it with SigningCertURL",
            forged=True,
        )
    if not certificate.not_before <= now <= certificate.not_after:
        raise WebhookRefused(
            "the certificate in secret_file has expired; get the new one", forged=True
        )
    if text(told, "TopicArn").encode() != topic[1]:
        raise WebhookRefused("it is about another topic than that in secret_file", forged=True)
    require_recent(_time(text(told, "Timestamp")), now, past=_RETRIES)


def _comes_from_sns(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    host, path = parts.hostname or "", parts.path
    plain = parts.scheme == "https" and parts.netloc == host and port is None
    return plain and bool(_HOST.fullmatch(host)) and path.endswith(".pem")


def _signature(told: Mapping[str, Any]) -> bytes:
    try:
        return b64decode(text(told, "Signature"), validate=True)
    except ValueError:
        return b""


def _canonical(told: Mapping[str, Any]) -> bytes:
    names = _SIGNED.get(text(told, "Type"))
    if names is None:
        raise WebhookRefused("Type is none that SNS documents")
    present = (name for name in names if name != "Subject" or told.get("Subject") is not None)
    return "".join(f"{name}\n{text(told, name)}\n" for name in present).encode()


def _time(written: str) -> datetime:
    try:
        return datetime.strptime(written, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise WebhookRefused("Timestamp is not as SNS writes it") from error


def _told(message: Mapping[str, Any], id_: str) -> Iterator[Told]:
    mail = part(message, "mail")
    for number, (kind, person) in enumerate(_people(message)):
        yield Told(
            key=event_key(f"{id_}-{number}"),
            feedback=feedback(
                kind,
                "ses",
                recipient=text(person, "emailAddress"),
                status=optional(person, "status"),
                reply=optional(person, "diagnosticCode"),
                senders=[optional(mail, "source")],
                tokens=_TOKEN.findall(_header(mail, "list-unsubscribe")),
                message_ids=[_header(mail, "message-id")],
            ),
        )


def _people(message: Mapping[str, Any]) -> Iterator[tuple[FeedbackKind, dict[str, Any]]]:
    match optional(message, "notificationType") or text(message, "eventType"):
        case "Bounce":
            bounce = record(message.get("bounce"))
            told = _bounce_kind(text(bounce, "bounceType"), optional(bounce, "bounceSubType"))
            for person in records(bounce.get("bouncedRecipients")):
                status, reply = optional(person, "status"), optional(person, "diagnosticCode")
                ours = told is FeedbackKind.SENDER_FAULT
                yield told if ours else judged(told, status, reply), person
        case "Complaint":
            complaint = record(message.get("complaint"))
            if optional(complaint, "complaintFeedbackType") != "not-spam":
                for person in records(complaint.get("complainedRecipients")):
                    yield FeedbackKind.COMPLAINT, person
        case _:
            return


def _bounce_kind(kind: str, detail: str) -> FeedbackKind:
    known = _BOUNCES.get((kind, detail)) or _BOUNCES.get((kind, None))
    return known or FeedbackKind.UNKNOWN


def _header(mail: Mapping[str, Any], name: str) -> str:
    """Return a header of our own message; SES tells them if it is asked to."""
    found = mail.get("headers")
    for each in found if isinstance(found, list) else []:
        if isinstance(each, dict) and optional(each, "name").lower() == name:
            return optional(each, "value")
    return ""
