"""What providers post is believed if they signed it, now, and if it is what they document."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pipeline.errors import ConfigError
from pipeline.feedback.webhooks import READERS, WebhookRefused, read_posted
from pipeline.feedback.webhooks.posted import LARGEST, Posted
from pipeline.model.feedback import FeedbackKind
from pipeline.operations.webhook import Webhook
from tests.unit.returned_mail import NOW, database, receiving, recorded
from tests.unit.webhook_bodies import (
    GENERIC,
    MAILGUN,
    MESSAGE_ID,
    POSTMARK,
    PROVIDERS,
    RETURN_PATH,
    SAID,
    SENDER,
    SENDGRID,
    SES,
    Post,
    Provider,
    certificate,
    shown,
    signed_generic,
    sns,
)

WINDOW = timedelta(minutes=5)
SECOND = timedelta(seconds=1)

every_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda each: each.kind)


def read(provider: Provider, post: Post, now: datetime = NOW) -> Posted:
    """Read a post with the provider's secret."""
    return read_posted(provider.kind, post[0], post[1], provider.secret, now)


def kinds(provider: Provider, **changes: Any) -> list[FeedbackKind]:
    """Return the kinds of a post with some fields changed."""
    return [told.feedback.kind for told in read(provider, provider.posted(**changes)).told]


def refused(provider: Provider, post: Post, now: datetime = NOW) -> WebhookRefused:
    """Return the refusal of a post."""
    with pytest.raises(WebhookRefused) as caught:
        read(provider, post, now)
    assert "example.org" not in str(caught.value)
    return caught.value


def test_every_reader_is_tested_here() -> None:
    """A provider that is added is held to the same laws."""
    assert {each.kind for each in PROVIDERS} == READERS.keys()


@every_provider
def test_a_bounce_is_read_with_what_proves_whom_it_is_about(provider: Provider) -> None:
    """Kind, status, words, and candidates for the proof: our return path or our Message-ID."""
    (told,) = read(provider, provider.posted()).told

    found = told.feedback
    assert (found.kind, found.recipient) == (FeedbackKind.HARD, "ann@example.org")
    assert (found.status, found.reply) == ("5.1.1", SAID)
    assert (found.detector, found.machine_readable) == (provider.kind, True)
    assert found.message_ids == (MESSAGE_ID,)
    if provider is not SENDGRID:  # it does not tell the envelope
        assert found.tokens[0] == RETURN_PATH
    assert told.key


def test_ses_tells_our_unsubscribe_link() -> None:
    """The token of the link is another proof."""
    (told,) = read(SES, SES.posted()).told

    assert told.feedback.tokens == (RETURN_PATH, "t" * 32)


@every_provider
def test_another_key_is_refused(provider: Provider) -> None:
    """Only who has the secret is believed; without any secret nobody is."""
    headers, body = provider.posted()

    with pytest.raises(WebhookRefused) as caught:
        read_posted(provider.kind, headers, body, provider.other_secret, NOW)
    assert caught.value.forged
    for empty in (b"", b" \n"):
        with pytest.raises(ConfigError, match="secret_file"):
            read_posted(provider.kind, headers, body, empty, NOW)


@every_provider
def test_a_post_without_its_proof_is_refused(provider: Provider) -> None:
    """No header, and no field, may simply be left out."""
    headers, body = provider.posted()
    for name in headers:
        assert refused(provider, ({k: v for k, v in headers.items() if k != name}, body)).forged
    for name in ("Signature", "SigningCertURL", "SignatureVersion", "signature"):
        if name in (told := json.loads(body)):
            refused(provider, (headers, json.dumps({**told, name: ""}).encode()))
            del told[name]
            refused(provider, (headers, json.dumps(told).encode()))


@pytest.mark.parametrize("provider", [p for p in PROVIDERS if p.timed], ids=lambda p: p.kind)
def test_an_old_post_is_refused(provider: Provider) -> None:
    """More than 5 minutes away is too far; SNS keeps the first time for an hour of retries."""
    past = timedelta(hours=1) if provider is SES else WINDOW
    for at in (NOW - past, NOW + WINDOW):
        assert read(provider, provider.posted(at)).told
    for at in (NOW - past - SECOND, NOW + WINDOW + SECOND):
        assert refused(provider, provider.posted(at)).forged


@pytest.mark.parametrize(
    "provider", [p for p in PROVIDERS if p.timed and p is not SES], ids=lambda p: p.kind
)
@pytest.mark.parametrize("time", ["", "now", "1e9", "-1", "9" * 400, "١٧٩٥"])
def test_a_signed_time_is_digits(provider: Provider, time: str) -> None:
    """Whatever stands where the time should, the post is refused and nothing else happens."""
    headers, body = provider.posted()
    swapped = str(int(NOW.timestamp()))
    refused(
        provider,
        (
            {k: v.replace(swapped, time) for k, v in headers.items()},
            body.replace(swapped.encode(), time.encode()),
        ),
    )


@every_provider
def test_a_body_that_was_written_anew_is_not_a_second_event(provider: Provider) -> None:
    """Where the bytes are signed it is refused; elsewhere it has the key of the first."""
    headers, body = provider.posted()
    anew = json.dumps(json.loads(body), separators=(",", ":")).encode()
    assert anew != body

    if provider.over_bytes:
        assert refused(provider, (headers, anew)).forged
    else:
        assert read(provider, (headers, anew)) == read(provider, (headers, body))


@every_provider
def test_a_truncated_body_is_refused(provider: Provider) -> None:
    """No beginning of a body passes for the whole."""
    headers, body = provider.posted()
    for end in range(0, len(body.rstrip()), 11):
        refused(provider, (headers, body[:end]))


@every_provider
def test_a_huge_body_is_refused_unread(provider: Provider) -> None:
    """10 MB cost nothing, however they are signed."""
    headers, body = provider.posted(filler="x" * 10_000_000)

    assert str(LARGEST) in str(refused(provider, (headers, body)))


@every_provider
@pytest.mark.parametrize(
    "event",
    [
        b"",
        b"hello",
        b"null",
        b"7",
        b'"text"',
        b"[]",
        b"[[]]",
        b"{}",
        b'{"event": NaN}',
        b'{"id": "1", "id": "2"}',
        b'{"deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"n": ' + b"9" * 10_000 + b"}",
        b'{"kind": "\\ud800"}',
    ],
    ids=lambda event: event[:20].decode(),
)
def test_a_signed_body_is_still_not_trusted_to_be_what_it_should(
    provider: Provider, event: bytes
) -> None:
    """No JSON, a key twice, too deep, another form: refused, and no other error."""
    try:
        assert read(provider, provider.post(event, NOW)).told == ()
        # An event of another provider, or an empty list of them, says nothing.
        assert provider is SES or event in {b"", b"[]"}
    except WebhookRefused:
        return


@every_provider
def test_a_key_that_occurs_twice_is_refused(provider: Provider) -> None:
    """Two readers of one body must not see two recipients."""
    event = json.dumps(dict(provider.event)).encode()
    doubled = event.replace(b"{", b'{"recipient": "x", "recipient": "y", ', 1)

    refused(provider, provider.post(doubled, NOW))


@every_provider
@pytest.mark.parametrize("filler", ["\ud800", float("nan"), float("-inf")], ids=repr)
def test_what_only_python_reads_is_refused(provider: Provider, filler: str | float) -> None:
    """Half a letter could be neither compared nor stored; NaN is not JSON."""
    refused(provider, provider.posted(filler=filler))


@every_provider
def test_missing_and_strange_fields_are_refused_or_read(provider: Provider) -> None:
    """Whatever type a field has, the post is read or refused: a provider's slip is no crash."""
    for name in provider.event:
        for value in (None, 7, True, "", "x" * 3000, [], [1], {}, {"a": 1}):
            try:
                changed: dict[str, Any] = {name: value}
                read(provider, provider.posted(**changed))
            except WebhookRefused:
                continue


@every_provider
def test_flipped_bytes_never_do_more_than_be_refused(provider: Provider) -> None:
    """500 damaged bodies: none crashes, and where the bytes are signed none is believed."""
    headers, body = provider.posted()
    random = Random(4)
    for _ in range(500):
        damaged = bytearray(body)
        for _ in range(random.randint(1, 4)):
            damaged[random.randrange(len(damaged))] = random.randrange(256)
        if damaged == body:
            continue
        try:
            read(provider, (headers, bytes(damaged)))
        except WebhookRefused:
            continue
        assert not provider.over_bytes


def test_a_signature_is_not_moved_to_another_time() -> None:
    """Mailgun signs time and token as one text: no other cut of it is a fresh one."""
    headers, body = MAILGUN.posted()
    told = json.loads(body)
    signed = told["signature"]["timestamp"] + told["signature"]["token"]
    for cut in range(1, 30):
        if cut != 10:
            told["signature"] |= {"timestamp": signed[:cut], "token": signed[cut:]}
            refused(MAILGUN, (headers, json.dumps(told).encode()))


def test_the_secret_header_of_postmark_is_as_good_as_a_password() -> None:
    """Either is enough, neither is not, and a wrong password is not saved by a right header."""
    _, body = POSTMARK.posted()

    assert read(POSTMARK, ({"x-webhook-secret": "news:a key"}, body)).told
    assert refused(POSTMARK, ({}, body)).forged
    assert refused(POSTMARK, ({"x-webhook-secret": "news:a ke"}, body)).forged
    both = {"x-webhook-secret": "news:a key", "authorization": "Basic eDp5"}
    assert refused(POSTMARK, (both, body)).forged


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example.org/x.pem",
        "https://evil.example.org/sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example.org/x.pem",
        "https://sns.eu-west-1.amazonaws.com:444/x.pem",
        "https://s3.eu-west-1.amazonaws.com/x.pem",
        "https://snsxeu-west-1.amazonaws.com/x.pem",
        "https://[::1",
        "https://sns.eu-west-1.amazonaws.com/x",
    ],
)
def test_a_certificate_from_elsewhere_is_refused(url: str) -> None:
    """Even with a right signature, the certificate must be one that SNS publishes."""
    assert "SigningCertURL" in str(refused(SES, sns(SigningCertURL=url)))


def test_sns_speaks_about_our_topic_with_a_good_certificate_only() -> None:
    """Anybody may have SNS sign for a topic of theirs; SHA-1 and an expired key prove nothing."""
    other = sns(TopicArn="arn:aws:sns:eu-west-1:999999999999:returned")
    assert "another topic" in str(refused(SES, other))
    assert "version 2" in str(refused(SES, sns(SignatureVersion="1")))
    headers, body = SES.posted()
    with pytest.raises(WebhookRefused, match="expired"):
        read_posted("ses", headers, body, certificate(1, days=9), NOW)
    for wrong in (certificate(1).partition(b"\n")[2], b"TopicArn: x\n" + certificate(1)[80:]):
        with pytest.raises(ConfigError, match="TopicArn"):
            read_posted("ses", headers, body, wrong, NOW)


@pytest.mark.parametrize("field", ["Message", "MessageId", "Timestamp", "TopicArn", "Type"])
def test_sns_signs_every_field_that_is_read(field: str) -> None:
    """Nothing we act on can be changed under a signature."""
    headers, body = sns(Subject="Amazon SES")
    for name in (field, "Subject"):
        told = json.loads(body)
        told[name] = "UnsubscribeConfirmation" if name == "Type" else told[name] + " "
        refused(SES, (headers, json.dumps(told).encode()))


def test_a_subscription_waits_for_the_operator(tmp_path: Path) -> None:
    """Its URL is kept for a person to open, and fetched by nobody."""
    confirmation = sns(
        Type="SubscriptionConfirmation",
        Token="2336412f37f",
        SubscribeURL="https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription",
        Message="You have chosen to subscribe.",
    )
    webhook = opened_webhook(tmp_path, SES)

    assert webhook(*confirmation) == 0
    (kept,) = webhook.unread.all()
    assert (kept.kind, webhook.unread.read(kept)) == ("webhook", confirmation[1])
    assert read(SES, sns(Message="Successfully validated SNS topic for SES.")) == Posted()


KINDS: list[tuple[Provider, dict[str, Any], FeedbackKind | None]] = [
    *((GENERIC, {"kind": kind.value}, kind) for kind in FeedbackKind),
    (MAILGUN, {"event": "complained"}, FeedbackKind.COMPLAINT),
    (MAILGUN, {"event": "unsubscribed"}, FeedbackKind.UNSUBSCRIBE),
    (MAILGUN, {"event": "rejected"}, FeedbackKind.SENDER_FAULT),
    (MAILGUN, {"event": "opened"}, None),
    (MAILGUN, {"severity": "temporary"}, FeedbackKind.DELAYED),
    (MAILGUN, {"reason": "suppress-complaint"}, FeedbackKind.COMPLAINT),
    (MAILGUN, {"reason": "suppress-unsubscribe"}, FeedbackKind.UNSUBSCRIBE),
    (MAILGUN, {"reason": "espblock"}, FeedbackKind.SENDER_FAULT),
    (MAILGUN, {"reason": "old"}, FeedbackKind.TRANSIENT),
    (MAILGUN, {"delivery-status": {"enhanced-code": "5.2.2"}}, FeedbackKind.MAILBOX),
    (MAILGUN, {"delivery-status": {"enhanced-code": "5.7.26"}}, FeedbackKind.SENDER_FAULT),
    (MAILGUN, {"delivery-status": {}}, FeedbackKind.HARD),
    (POSTMARK, {"Type": "SpamComplaint", "RecordType": "SpamComplaint"}, FeedbackKind.COMPLAINT),
    (POSTMARK, {"Type": "Transient", "Content": "", "Details": ""}, FeedbackKind.TRANSIENT),
    (POSTMARK, {"Type": "SoftBounce", "Content": "", "Details": ""}, FeedbackKind.MAILBOX),
    (POSTMARK, {"Type": "SoftBounce"}, FeedbackKind.MAILBOX),  # never harder than it says
    (POSTMARK, {"Type": "Blocked"}, FeedbackKind.SENDER_FAULT),
    (POSTMARK, {"Type": "DMARCPolicy"}, FeedbackKind.SENDER_FAULT),
    (POSTMARK, {"Type": "AutoResponder"}, FeedbackKind.AUTO_REPLY),
    (POSTMARK, {"Type": "ChallengeVerification"}, FeedbackKind.CHALLENGE),
    (POSTMARK, {"Type": "Unsubscribe"}, FeedbackKind.UNSUBSCRIBE),
    (POSTMARK, {"Type": "SomethingNew"}, FeedbackKind.UNKNOWN),
    (POSTMARK, {"RecordType": "Open"}, None),
    (SENDGRID, {"event": "spamreport"}, FeedbackKind.COMPLAINT),
    (SENDGRID, {"event": "group_unsubscribe"}, FeedbackKind.UNSUBSCRIBE),
    (SENDGRID, {"event": "deferred"}, FeedbackKind.DELAYED),
    (SENDGRID, {"event": "delivered"}, None),
    (SENDGRID, {"event": "dropped", "reason": "Bounced Address"}, FeedbackKind.HARD),
    (SENDGRID, {"event": "dropped", "reason": "Spam Reporting Address"}, FeedbackKind.COMPLAINT),
    (
        SENDGRID,
        {"event": "dropped", "reason": "Invalid SMTPAPI header"},
        FeedbackKind.SENDER_FAULT,
    ),
    (
        SENDGRID,
        {"type": "blocked", "bounce_classification": "Unclassified", "status": "", "reason": ""},
        FeedbackKind.SENDER_FAULT,
    ),
    (SENDGRID, {"status": "5.2.2", "reason": "over quota"}, FeedbackKind.MAILBOX),
]


@pytest.mark.parametrize(("provider", "changes", "kind"), KINDS)
def test_classes_of_providers_become_kinds(
    provider: Provider, changes: dict[str, Any], kind: FeedbackKind | None
) -> None:
    """Blocks and content are ours, full mailboxes may pass, and what is no failure says nothing."""
    assert kinds(provider, **changes) == ([] if kind is None else [kind])


@pytest.mark.parametrize(
    ("bounce", "detail", "status", "kind"),
    [
        ("Permanent", "NoEmail", "", FeedbackKind.HARD),
        ("Permanent", "OnAccountSuppressionList", "", FeedbackKind.HARD),
        ("Permanent", "General", "5.7.1", FeedbackKind.SENDER_FAULT),
        ("Transient", "MailboxFull", "", FeedbackKind.MAILBOX),
        ("Transient", "General", "", FeedbackKind.TRANSIENT),
        ("Transient", "General", "5.1.1", FeedbackKind.TRANSIENT),
        ("Transient", "ContentRejected", "5.1.1", FeedbackKind.SENDER_FAULT),
        ("Undetermined", "Undetermined", "", FeedbackKind.UNKNOWN),
    ],
)
def test_classes_of_ses_become_kinds(
    bounce: str, detail: str, status: str, kind: FeedbackKind
) -> None:
    """Each recipient is judged, and no harder than SES says."""
    people = [{"emailAddress": f"{name}@example.org", "status": status} for name in ("ann", "bob")]
    told = {"bounceType": bounce, "bounceSubType": detail, "bouncedRecipients": people}

    posted = read(SES, SES.posted(bounce=told))

    assert [each.feedback.kind for each in posted.told] == [kind, kind]
    assert len({each.key for each in posted.told}) == 2


def test_complaints_of_ses_are_complaints_unless_they_praise() -> None:
    """Somebody who takes mail out of the spam folder is reported by the same way."""
    people = [{"emailAddress": "ann@example.org"}]
    complaint = {"complainedRecipients": people, "complaintFeedbackType": "abuse"}
    kind = {"notificationType": None, "eventType": "Complaint"}

    assert kinds(SES, **kind, complaint=complaint) == [FeedbackKind.COMPLAINT]
    assert kinds(SES, **kind, complaint={**complaint, "complaintFeedbackType": "not-spam"}) == []


def test_a_reader_who_left_by_postmark_has_left() -> None:
    """What its reader asked for counts; what Postmark did because of a bounce is told twice."""
    change = {
        "RecordType": "SubscriptionChange",
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "ChangedAt": "2026-11-22T08:59:00Z",
        "Recipient": "ann@example.org",
        "SuppressSending": True,
        "SuppressionReason": "ManualSuppression",
    }

    assert kinds(POSTMARK, **change) == [FeedbackKind.UNSUBSCRIBE]
    assert kinds(POSTMARK, **{**change, "SuppressionReason": "HardBounce"}) == []
    assert kinds(POSTMARK, **{**change, "SuppressSending": False}) == []


def opened_webhook(folder: Path, provider: Provider) -> Webhook:
    """Return the operation on a database of its own."""
    receive = receiving(folder, database(folder))
    return Webhook(
        name="provider",
        kind=provider.kind,
        secret=provider.secret,
        hear=receive.hear,
        unread=receive.unread,
        clock=lambda: NOW,
    )


@pytest.mark.parametrize(
    "event",
    [
        {"RecordType": "SpamComplaint", "Type": "SpamComplaint"},
        {"RecordType": "Bounce", "Type": "HardBounce"},
        {
            "RecordType": "SubscriptionChange",
            "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
            "ChangedAt": "2026-11-22T08:59:00Z",
            "Recipient": "ann@example.org",
            "SuppressSending": True,
            "SuppressionReason": "ManualSuppression",
        },
    ],
    ids=lambda event: event["RecordType"],
)
def test_an_authentic_event_that_proves_nobody_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, event: dict[str, Any]
) -> None:
    """The operator is told, without a name, and finds it once however often it comes."""
    webhook = opened_webhook(tmp_path, POSTMARK)
    post = POSTMARK.posted(Content="", **event)

    assert [webhook(*post), webhook(*post)] == [1, 0]

    (kept,) = webhook.unread.all()
    assert (kept.kind, webhook.unread.read(kept)) == ("webhook", post[1])
    assert "feedback list --unread" in caplog.records[0].getMessage()
    assert "ann@" not in caplog.text


@pytest.mark.parametrize("type_", ["AutoResponder", "Blocked", "SoftBounce", "Transient"])
def test_an_event_that_would_end_nothing_is_not_kept(tmp_path: Path, type_: str) -> None:
    """Nobody can do anything about a full mailbox of somebody."""
    webhook = opened_webhook(tmp_path, POSTMARK)

    assert webhook(*POSTMARK.posted(Type=type_, Content="", Details="")) == 1
    assert webhook.unread.all() == ()


def test_postmark_gives_back_what_we_told_it() -> None:
    """Its metadata are ours, and prove what a header would, whatever their names."""
    told = {"return-path": RETURN_PATH, "id": MESSAGE_ID, "number": 7, "long": "x" * 900}

    (found,) = read(POSTMARK, POSTMARK.posted(Content="", Metadata=told)).told

    assert found.feedback.tokens[0] == RETURN_PATH
    assert MESSAGE_ID in found.feedback.message_ids
    assert read(POSTMARK, POSTMARK.posted(Metadata="odd")).told


@every_provider
def test_a_replayed_post_is_heard_once(tmp_path: Path, provider: Provider) -> None:
    """The same event again, within the 5 minutes, is answered kindly and changes nothing."""
    webhook = opened_webhook(tmp_path, provider)

    assert [webhook(*provider.posted()) for _ in range(3)] == [1, 0, 0]
    assert recorded(webhook.hear.feedbacks.database) == 1


def test_a_token_of_mailgun_counts_once(tmp_path: Path) -> None:
    """Its signature does not cover the event: a captured one is of no use for another."""
    webhook = opened_webhook(tmp_path, MAILGUN)

    assert webhook(*MAILGUN.posted()) == 1
    assert webhook(*MAILGUN.posted(event="complained", recipient="bob@example.org")) == 0


@every_provider
def test_a_refused_post_changes_nothing(tmp_path: Path, provider: Provider) -> None:
    """Neither the database nor the folder of unread mail hears of it."""
    webhook = opened_webhook(tmp_path, provider)
    headers, body = provider.posted()

    with pytest.raises(WebhookRefused):
        webhook(headers, body[:-20])

    assert recorded(webhook.hear.feedbacks.database) == 0
    assert webhook.unread.all() == ()
    assert provider.secret.decode().strip() not in repr(webhook)


def test_a_batch_is_heard_whole(tmp_path: Path) -> None:
    """Several events come in one body, each with an id of its own."""
    events = [{**GENERIC.event, "id": str(number), "return_path": SENDER} for number in range(50)]
    webhook = opened_webhook(tmp_path, GENERIC)

    assert webhook(*signed_generic(json.dumps({"events": events}).encode())) == 50


def test_a_wrong_kind_or_key_is_the_operators() -> None:
    """A setting that cannot work says what would."""
    headers, body = SENDGRID.posted()

    with pytest.raises(ConfigError, match="mailgun"):
        read_posted("pigeon", headers, body, b"x", NOW)
    for secret in (b"nonsense!", shown(1)[:-8], certificate(1)):
        with pytest.raises(ConfigError, match="key"):
            read_posted("sendgrid", headers, body, secret, NOW)
