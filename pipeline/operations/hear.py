"""What came back is heard: proven, judged by the rules, recorded, and acted on."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from pipeline.audience.address import AddressError, parse_address
from pipeline.audience.secrets import Keys
from pipeline.audience.tokens import Action, ReturnPath, TokenError, Tokens, message_id
from pipeline.feedback.policy import Decision, FeedbackRules, decide
from pipeline.feedback.read import PLAIN, read
from pipeline.feedback.words import kind_of, one_line, status_in
from pipeline.model.delivery import DeliveryId, DeliveryStatus
from pipeline.model.dispatch import DispatchId
from pipeline.model.entry import EntryId
from pipeline.model.feedback import Feedback, FeedbackKind
from pipeline.model.issue_fate import IssueFate
from pipeline.model.ports import Clock
from pipeline.model.subscriber import (
    Consent,
    ConsentAction,
    ListId,
    SubscriberId,
    SubscriberState,
)
from pipeline.storage.dispatches import Dispatches
from pipeline.storage.feedbacks import FeedbackRecord, Feedbacks
from pipeline.storage.progress import DeliveryRecord
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.suppressions import Suppressions

REFUSALS: Final = "delivery"  # the source of what servers said while we were connected

_ADDRESS: Final = re.compile(r"[^\s<>@\"'(),;:\[\]]+@")
# Of several verdicts on one reader, as of a forwarder's two targets: the mildest holds.
_MILDEST: Final = (
    FeedbackKind.DELIVERED,
    FeedbackKind.DELAYED,
    FeedbackKind.AUTO_REPLY,
    FeedbackKind.CHALLENGE,
    FeedbackKind.SENDER_FAULT,
    FeedbackKind.TRANSIENT,
    FeedbackKind.UNKNOWN,
    FeedbackKind.MAILBOX,
    FeedbackKind.HARD,
    FeedbackKind.UNSUBSCRIBE,
    FeedbackKind.COMPLAINT,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Whom and what a verdict is about: a token says so that only their mail held."""

    subscriber: SubscriberId
    list: ListId
    address: str  # as it was sent to; empty: they are erased
    delivery: DeliveryId | None = None
    dispatch: DispatchId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One verdict, and what followed from it."""

    feedback: Feedback
    decision: Decision
    proof: Proof | None
    known: bool  # it was heard before, and nothing followed this time


@dataclass(frozen=True, slots=True)
class Heard:
    """What a mail or a call had to say."""

    judged: tuple[Judged, ...]

    @property
    def unread(self) -> bool:
        """It must be kept for a person: nobody can read it, or it asks what nobody can prove."""
        return not any(
            each.proof
            or not (
                each.feedback.detector == PLAIN or each.feedback.kind is FeedbackKind.UNSUBSCRIBE
            )
            for each in self.judged
        )

    @property
    def known(self) -> bool:
        """All of it was heard before."""
        return bool(self.judged) and all(each.known for each in self.judged)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hear:
    """Take in what comes back. Idempotent: the same again changes nothing.

    Anybody can write a bounce, so only a token of ours proves whom one is about, and what is not
    proven is recorded and changes nobody.
    """

    feedbacks: Feedbacks
    subscribers: Subscribers
    suppressions: Suppressions
    dispatches: Dispatches
    tokens: Tokens
    return_path: ReturnPath
    keys: Keys
    mail_domain: str  # of our Message-IDs
    rules: FeedbackRules
    clock: Clock

    def __call__(self, raw: bytes, *, source: str, key: str | None = None) -> Heard:
        """Hear a mail.

        Args:
            raw: the mail, whatever it is.
            source: where it was found, as the settings name it.
            key: names it for ever; None makes one of its content.

        Raises:
            StorageError: it was not heard to its end, and must come again.
        """
        key = key or blake2b(raw, digest_size=16).hexdigest()
        return self._hear(read(raw), source, key)

    def webhook(self, feedback: Feedback, *, source: str, key: str) -> Heard:
        """Hear what a provider says of one recipient; see `__call__`.

        Args:
            feedback: its signature was verified, which proves who speaks and not about whom.
            source: the webhook's name.
            key: the provider's own id of the event.
        """
        return self._hear((feedback,), source, key)

    def refusals(self, dispatch: DispatchId) -> tuple[Judged, ...]:
        """Hear what servers said to our face: the refused deliveries of a dispatch, after a run."""
        found: list[Judged] = []
        for delivery in self.dispatches.deliveries(dispatch, DeliveryStatus.REFUSED):
            key = f"{REFUSALS} {delivery.id}"
            if self.feedbacks.known(key):
                continue
            proof = self._of_delivery(delivery.id)
            found.append(self._judge(_refusal(delivery), proof, REFUSALS, key))
        return tuple(found)

    def _hear(self, verdicts: Sequence[Feedback], source: str, key: str) -> Heard:
        proof = next((found for found in map(self._prove, verdicts) if found), None)
        speaks = _spokesman(verdicts, proof.address) if proof else None
        return Heard(
            tuple(
                self._judge(
                    verdict,
                    proof if number == speaks else None,
                    source,
                    f"{key} {number}" if number else key,
                )
                for number, verdict in enumerate(verdicts)
            )
        )

    def _judge(self, feedback: Feedback, proof: Proof | None, source: str, key: str) -> Judged:
        now = self.clock()
        decision = decide(
            self._history(proof) if proof else (),
            feedback,
            proven=proof is not None,
            issue=proof.dispatch if proof else None,
            now=now,
            rules=self.rules,
        )
        if self.feedbacks.known(key):
            return Judged(feedback=feedback, decision=decision, proof=proof, known=True)
        if proof:
            # Before the record: after a crash in between it comes again, and does no harm.
            self._act(decision, proof)
        new = self.feedbacks.record(
            FeedbackRecord(
                at=now,
                source=source,
                key=key,
                kind=feedback.kind,
                status=feedback.status,
                reply=_without_names(feedback.reply),
                detector=feedback.detector,
                proven=proof is not None,
                counted=decision.counted,
                delivery=proof.delivery if proof else None,
                subscriber=proof.subscriber if proof else None,
                list=proof.list if proof else None,
                dispatch=proof.dispatch if proof else None,
            )
        )
        return Judged(feedback=feedback, decision=decision, proof=proof, known=not new)

    def _act(self, decision: Decision, proof: Proof) -> None:
        if decision.suppress and (normalised := _normalised(proof.address)):
            self.suppressions.add(normalised, decision.suppress, now=self.clock())
        if decision.unsubscribe:
            word = Consent(
                action=ConsentAction.WITHDRAWN, method="mail", source="feedback", at=self.clock()
            )
            self.subscribers.on(proof.list).set_state(
                proof.subscriber, SubscriberState.UNSUBSCRIBED, word
            )

    def _history(self, proof: Proof) -> tuple[IssueFate, ...]:
        """Return the fates of issues since they last agreed: a new word is a new beginning."""
        subscriptions = self.subscribers.subscriptions(proof.subscriber)
        since = next((each.since for each in subscriptions if each.list == proof.list), None)
        fates = self.feedbacks.history(proof.subscriber, proof.list)
        return tuple(fate for fate in fates if since is None or fate.at >= since)

    def _prove(self, feedback: Feedback) -> Proof | None:
        for token in feedback.tokens:
            if found := self._by_return_path(token) or self._by_link(token):
                return found
        for text in feedback.message_ids:
            if found := self._by_message_id(text, feedback.recipient):
                return found
        return None

    def _by_return_path(self, token: str) -> Proof | None:
        delivery = self.return_path.read(token)
        return None if delivery is None else self._of_delivery(delivery)

    def _of_delivery(self, delivery: DeliveryId) -> Proof | None:
        about = self.feedbacks.about(delivery)
        if about is None:
            return None
        return Proof(
            subscriber=about.subscriber,
            list=about.list,
            address=about.address,
            delivery=about.delivery,
            dispatch=about.dispatch,
        )

    def _by_link(self, token: str) -> Proof | None:
        try:
            ticket = self.tokens.read(token)
        except TokenError:
            return None
        person = self.subscribers.on(ticket.list).get(ticket.subscriber)
        if ticket.action is not Action.UNSUBSCRIBE or person is None:
            return None
        return Proof(subscriber=person.id, list=ticket.list, address=person.address)

    def _by_message_id(self, text: str, recipient: str | None) -> Proof | None:
        """Return who it was minted for: whom the report names, if the signature fits them."""
        entry = EntryId(text.partition("@")[0].rpartition(".")[0])
        normalised = _normalised(recipient or "")
        subscriber = self.subscribers.find(normalised) if normalised and entry else None
        if subscriber is None:
            return None
        ours = message_id(self.keys, entry, subscriber, self.mail_domain)
        if not hmac.compare_digest(ours.encode(), text.encode()):
            return None
        sent = {each.id for each in self.dispatches.all() if each.entry == entry}
        for subscription in self.subscribers.subscriptions(subscriber):
            for fate in reversed(self.feedbacks.history(subscriber, subscription.list)):
                if fate.dispatch in sent:
                    return Proof(
                        subscriber=subscriber,
                        list=subscription.list,
                        address=recipient or "",
                        dispatch=fate.dispatch,
                    )
        return None


def _refusal(delivery: DeliveryRecord) -> Feedback:
    status = status_in(delivery.reply)
    return Feedback(
        kind=kind_of(status, delivery.reply, code=delivery.code),
        recipient=delivery.address or None,
        tokens=(),
        message_ids=(),
        status=status,
        reply=one_line(delivery.reply),
        detector="smtp",
        # A bare 550 is prose with a number before it.
        machine_readable=status is not None,
    )


def _spokesman(verdicts: Sequence[Feedback], address: str) -> int:
    """Return which of several verdicts is about a reader: the one that names them."""
    normalised = _normalised(address)
    named = [
        number
        for number, verdict in enumerate(verdicts)
        if normalised and _normalised(verdict.recipient or "") == normalised
    ]
    among = named or range(len(verdicts))
    return min(among, key=lambda number: _MILDEST.index(verdicts[number].kind))


def _normalised(address: str) -> str:
    try:
        return parse_address(address).normalised
    except AddressError:
        return ""


def _without_names(reply: str) -> str:
    """Return a server's words without local parts: nobody could erase them from unproven rows."""
    return _ADDRESS.sub("…@", reply)
