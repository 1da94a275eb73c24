"""What came back is heard: proven, judged by the rules, recorded, and acted on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pipeline.audience.secrets import Keys
from pipeline.audience.tokens import ReturnPath, Tokens
from pipeline.feedback.policy import Decision, FeedbackRules, Tally, decide, doubt
from pipeline.feedback.read import PLAIN, read
from pipeline.feedback.words import kind_of, one_line, status_in
from pipeline.model.delivery import DeliveryId, DeliveryStatus
from pipeline.model.dispatch import DispatchId
from pipeline.model.feedback import Feedback, FeedbackKind
from pipeline.model.issue_fate import IssueFate
from pipeline.model.ports import Clock
from pipeline.model.subscriber import (
    Consent,
    ConsentAction,
    SubscriberState,
)
from pipeline.operations.prove import Proof, Prove, normalised
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


# What ends something at once; a single soft bounce would not even if it were proven.
_WEIGHTY: Final = {FeedbackKind.HARD, FeedbackKind.COMPLAINT, FeedbackKind.UNSUBSCRIBE}


class Judged(Struct, frozen=True, kw_only=True):
    """One verdict, and what followed from it."""

    feedback: Feedback
    decision: Decision
    proof: Proof | None
    known: bool  # it was heard before, and nothing followed this time


class Heard(Struct, frozen=True):
    """What a mail or a call had to say."""

    judged: tuple[Judged, ...]
    sealed: bool = False  # in it is what may be a token of ours, of keys that we do not have

    @property
    def unread(self) -> bool:
        """It must be kept for a person: nobody can read it, or prove what it asks or could say."""
        if any(each.proof for each in self.judged):
            return False
        return self.sealed or all(
            each.feedback.detector == PLAIN or each.feedback.kind is FeedbackKind.UNSUBSCRIBE
            for each in self.judged
        )

    @property
    def unproven(self) -> bool:
        """Something would follow from it at once, if it proved whom it is about."""
        return any(not each.proof and each.feedback.kind in _WEIGHTY for each in self.judged)

    @property
    def known(self) -> bool:
        """All of it was heard before."""
        return bool(self.judged) and all(each.known for each in self.judged)


class Hear(Struct, frozen=True, kw_only=True):
    """Take in what comes back. Idempotent: the same again changes nothing.

    Anybody can write a bounce, so only a token of ours proves whom one is about, and what is not
    proven is recorded and changes nobody. A mail that comes again when it can be proven, as once
    lost keys are back, is believed then.
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
        verdicts = read(raw)
        return replace(self._hear(verdicts, source, key), sealed=self._prove.is_sealed(verdicts))

    def webhook(self, feedback: Feedback, *, source: str, key: str) -> Heard:
        """Hear what a provider says of one recipient; see `__call__`.

        Args:
            feedback: its signature was verified, which proves who speaks and not about whom.
            source: the webhook's name.
            key: the provider's own id of the event.
        """
        return self._hear((feedback,), source, key, vouched=True)

    def refusals(self, dispatch: DispatchId) -> tuple[Judged, ...]:
        """Hear what servers said to our face: the refused deliveries of a dispatch, after a run.

        Too many hard ones at once say nothing of the readers: those are recorded, do not count,
        and have `decision.doubted`, with a note for the operator that all of a domain share.
        """
        new: list[tuple[DeliveryId, Feedback]] = []
        hard: Counter[str] = Counter()
        for delivery in self.dispatches.deliveries(dispatch, DeliveryStatus.REFUSED):
            refusal = _refusal(delivery)
            hard[_domain(refusal)] += refusal.kind is FeedbackKind.HARD
            if not self.feedbacks.known(f"{REFUSALS} {delivery.id}"):
                new.append((delivery.id, refusal))
        doubts = self._doubts(dispatch, hard) if new and hard.total() else {}
        return tuple(
            self._judge(
                refusal,
                self._prove.of_delivery(id_),
                REFUSALS,
                f"{REFUSALS} {id_}",
                doubted=doubts.get(_domain(refusal)),
            )
            for id_, refusal in new
        )

    def _doubts(self, dispatch: DispatchId, hard: Mapping[str, int]) -> Mapping[str, str]:
        """Return why the refusals of a dispatch are not believed, by domain."""
        attempted = self.feedbacks.attempted(dispatch)
        everywhere = Tally(sum(hard.values()), sum(attempted.values()))
        found = {
            domain: doubt(domain, Tally(number, attempted.get(domain, 0)), everywhere)
            for domain, number in hard.items()
        }
        return {domain: why for domain, why in found.items() if why}

    @property
    def _prove(self) -> Prove:
        return Prove(
            feedbacks=self.feedbacks,
            subscribers=self.subscribers,
            dispatches=self.dispatches,
            tokens=self.tokens,
            return_path=self.return_path,
            keys=self.keys,
            mail_domain=self.mail_domain,
        )

    def _hear(
        self, verdicts: Sequence[Feedback], source: str, key: str, *, vouched: bool = False
    ) -> Heard:
        proof = next((found for found in map(self._prove, verdicts) if found), None)
        speaks = _spokesman(verdicts, proof.address) if proof else None
        return Heard(
            tuple(
                self._judge(
                    verdict,
                    proof if number == speaks else None,
                    source,
                    f"{key} {number}" if number else key,
                    vouched=vouched,
                )
                for number, verdict in enumerate(verdicts)
            )
        )

    def _judge(
        self,
        feedback: Feedback,
        proof: Proof | None,
        source: str,
        key: str,
        *,
        vouched: bool = False,  # by a provider's signature
        doubted: str | None = None,
    ) -> Judged:
        now = self.clock()
        decision = (
            Decision(note=doubted, doubted=True)
            if doubted
            else decide(
                self._history(proof) if proof else (),
                feedback,
                proven=proof is not None,
                by_link=proof is not None and proof.by_link and not vouched,
                issue=proof.dispatch if proof else None,
                now=now,
                rules=self.rules,
            )
        )
        # A mail's key is its content; that of an event may stand over another one (mailgun.py).
        if self.feedbacks.known(key, proven=proof is not None and not vouched):
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
        if decision.suppress and (known_as := normalised(proof.address)):
            self.suppressions.add(known_as, decision.suppress, now=self.clock())
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


def _domain(refusal: Feedback) -> str:
    return (refusal.recipient or "").partition("@")[2].lower()


def _spokesman(verdicts: Sequence[Feedback], address: str) -> int:
    """Return which of several verdicts is about a reader: the one that names them."""
    known_as = normalised(address)
    named = [
        number
        for number, verdict in enumerate(verdicts)
        if known_as and normalised(verdict.recipient or "") == known_as
    ]
    among = named or range(len(verdicts))
    return min(among, key=lambda number: _MILDEST.index(verdicts[number].kind))


def _without_names(reply: str) -> str:
    """Return a server's words without local parts: nobody could erase them from unproven rows."""
    return _ADDRESS.sub("…@", reply)
