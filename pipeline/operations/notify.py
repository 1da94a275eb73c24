"""Sends the notices that are due, and forgets who never answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from pipeline.audience.secrets import Keys
from pipeline.audience.tokens import Action
from pipeline.delivery.lock import DispatchLock
from pipeline.delivery.report import Stop
from pipeline.delivery.retry import decide
from pipeline.delivery.single import send_single
from pipeline.errors import Locked, SenderUnavailable
from pipeline.model.delivery import (
    Deferred,
    DeliveryStatus,
    Envelope,
    Outcome,
    Outgoing,
    RelayLimits,
    Verdict,
)
from pipeline.model.notice import NoticeKind, RenderedNotice
from pipeline.model.ports import Sender, StreamingSender, Work
from pipeline.model.retry import RetryPolicy
from pipeline.model.subscriber import ListId, SubscriberState
from pipeline.operations.ask import FORGET_AFTER
from pipeline.operations.bearer import Bearers
from pipeline.operations.mailed_link import LINK_WORKS
from pipeline.operations.messages import Sign
from pipeline.operations.unsubscribe import UNDO_WITHIN
from pipeline.outbox.headers import MessageError
from pipeline.outbox.notice import compose_notice
from pipeline.render.notice import NoticeRenderer
from pipeline.storage.consenting import LIFTED
from pipeline.storage.notices import Notice, Notices

LIMIT: Final = 500  # notices a call; the next tick goes on
_RESENDS: Final = 3
_FORGET_EVERY: Final = timedelta(hours=1)  # it looks at everybody, perhaps a million
_CUT: Final = 421  # RFC 5321 3.8: what a server that closes the line should have said
_ASKED_FOR: Final = frozenset({NoticeKind.CONFIRM, NoticeKind.DISCLOSE, NoticeKind.ERASE})

# Where the button leads, and what its token may do.
_LINKS: Final = {
    NoticeKind.CONFIRM: ("c", Action.CONFIRM),
    NoticeKind.WELCOME: ("p", Action.PREFERENCES),
    NoticeKind.GOODBYE: ("u", Action.UNSUBSCRIBE),
    NoticeKind.DISCLOSE: ("d", Action.DISCLOSE),
    NoticeKind.ERASE: ("e", Action.ERASE),
}


class Notified(Struct, frozen=True, kw_only=True):
    """What a call did."""

    sent: int = 0  # accepted by the sender
    failures: tuple[str, ...] = ()  # why others wait; no address is in it


class Notify(Struct, frozen=True, kw_only=True):
    """Carry notices to the sender of the settings, one by one.

    A notice has no journal: killed between a message and its row, or never answered, it is sent
    again under the same Message-ID. A second question or welcome harms nobody; one that a person
    waits for in vain does. For issues it is the other way round (decision D7).
    """

    bearers: Bearers
    notices: Notices
    renderer: NoticeRenderer
    sender: Sender | StreamingSender
    keys: Keys
    sign: Sign | None
    policy: RetryPolicy
    lock: Path  # file of a lock: two clocks do not send one notice
    confirm_within: timedelta = timedelta(hours=72)
    forgot_at: dict[ListId, datetime] = field(default_factory=dict)

    def __call__(self, stop: Callable[[], Stop], now: datetime) -> Notified:
        """Send what is due, and forget who asked FORGET_AFTER ago and never confirmed.

        An outage ends the call; nobody is blamed, and the next call goes on.

        Args:
            stop: asked between two messages.
            now: aware, UTC.
        """
        try:
            with DispatchLock(self.lock):
                self._forget(now)
                return self._send_due(stop, now)
        except Locked:
            return Notified()

    def _forget(self, now: datetime) -> None:
        for list_ in self.bearers.lists:
            last = self.forgot_at.get(list_)
            if last is None or now >= last + _FORGET_EVERY:
                self.forgot_at[list_] = now
                self.bearers.subscribers.on(list_).expire(now - FORGET_AFTER)

    def _send_due(self, stop: Callable[[], Stop], now: datetime) -> Notified:
        rendered = cache(self._rendered)  # a burst is mostly of one kind and language
        sent = 0
        failures: list[str] = []
        for queued in self.notices.due(now, LIMIT):
            if stop():
                break
            # Those before it took their time: what its person said meanwhile holds.
            notice = self.notices.waiting(queued.id)
            if notice is None:
                continue
            if reason := unwanted(notice, now, confirm_within=self.confirm_within):
                self.notices.drop(notice.id, reason, now)
                continue
            try:
                verdict = self._attempt(notice, rendered, now)
            except SenderUnavailable as error:
                failures.append(f"notices: {error}")
                break
            self.notices.settle(notice.id, verdict, now)
            if verdict.status is DeliveryStatus.ACCEPTED:
                sent += 1
            else:
                failures.append(f"notice {notice.id} ({notice.kind}): {verdict.status}")
        return Notified(sent=sent, failures=tuple(failures))

    def _attempt(
        self, notice: Notice, rendered: Callable[..., RenderedNotice], now: datetime
    ) -> Verdict:
        dated_at = notice.dated_at or now
        try:
            outgoing = self._outgoing(notice, rendered, dated_at)
        except MessageError as error:
            return Verdict(status=DeliveryStatus.REFUSED, reply=error.problem)
        return decide(
            self._carry(outgoing),
            attempts=notice.attempt,
            first_tried_at=dated_at,
            now=now,
            policy=replace(self.policy, resends=max(self.policy.resends, _RESENDS)),
        )

    def _carry(self, outgoing: Outgoing) -> Outcome:
        """Send one message; a line that opens and is cut at this message puts off this one only.

        Raises:
            SenderUnavailable: the way out does not open.
        """
        if not isinstance(self.sender, StreamingSender):
            return send_single(self.sender, outgoing)
        line = _Line(self.sender)
        try:
            return send_single(line, outgoing)
        except SenderUnavailable as error:
            if not line.opened:
                raise
            return Deferred(_CUT, str(error))

    def _outgoing(
        self, notice: Notice, rendered: Callable[..., RenderedNotice], dated_at: datetime
    ) -> Outgoing:
        newsletter = self.bearers.newsletter
        kind = NoticeKind(notice.kind)
        letter, action = _LINKS[kind]
        together = self.bearers.together(notice.subscriber, notice.list)
        message = compose_notice(
            rendered(
                kind,
                self.bearers.titles(together) or (self.bearers.title(notice.list),),
                notice.language or newsletter.language,
            ),
            newsletter,
            recipient=notice.address,
            message_id=notice_message_id(self.keys, notice, newsletter.mail_domain),
            written_at=dated_at,
            link=self._url(letter, action, notice),
            unsubscribe=(
                self._url("u", Action.UNSUBSCRIBE, notice) if kind is NoticeKind.WELCOME else None
            ),
        )
        if self.sign:
            message = self.sign(message)
        return Outgoing(Envelope(newsletter.sender.address, notice.address), message, plain=True)

    def _url(self, letter: str, action: Action, notice: Notice) -> str:
        moment: datetime | None = None
        if action is Action.CONFIRM:
            moment = self.bearers.asked_at(notice.subscriber, notice.list)
        elif action in {Action.DISCLOSE, Action.ERASE}:
            moment = notice.created_at
        token = self.bearers.tokens.mint(action, notice.subscriber, notice.list, moment=moment)
        return f"{self.bearers.newsletter.site_url}/{letter}/{token}"

    def _rendered(self, kind: NoticeKind, lists: Sequence[str], language: str) -> RenderedNotice:
        return self.renderer.render(
            kind,
            self.bearers.newsletter,
            lists=lists,
            lasts=_lasts(kind, self.confirm_within),
            language=language,
        )


@dataclass(slots=True)
class _Line:
    """A streaming sender that remembers whether it gave up a message without an outage."""

    sender: StreamingSender
    opened: bool = False

    @property
    def limits(self) -> Mapping[str, RelayLimits]:
        """See `ports.StreamingSender`."""
        return self.sender.limits

    async def carry(self, work: Work) -> None:
        """See `ports.StreamingSender`."""
        await self.sender.carry(work)
        self.opened = True


def unwanted(notice: Notice, now: datetime, *, confirm_within: timedelta) -> str | None:
    """Return why a notice must not be sent any more; None: it is to be sent.

    Nobody suppressed is written to unless they ask for it: for a question whose answer would bring
    them back, for their data, for their erasure. Whom only an operator lets back gets nothing.

    Pure: no clock, no randomness, no storage.
    """
    kind = NoticeKind(notice.kind)
    if notice.suppressed and not (kind in _ASKED_FOR and notice.suppressed in LIFTED):
        return f"suppressed: {notice.suppressed}"
    if kind is not NoticeKind.WELCOME and now > notice.created_at + _lasts(kind, confirm_within):
        return "its link has expired"
    comes_back = bool(notice.suppressed) and notice.state is SubscriberState.ACTIVE
    fits = {
        NoticeKind.CONFIRM: notice.state is SubscriberState.PENDING or comes_back,
        NoticeKind.WELCOME: notice.state is SubscriberState.ACTIVE,
        NoticeKind.GOODBYE: notice.state is SubscriberState.UNSUBSCRIBED,
        NoticeKind.DISCLOSE: notice.state is not None,
        NoticeKind.ERASE: notice.state is not None,
    }
    return None if fits[kind] else f"they are {notice.state or 'not on the list any more'}"


def notice_message_id(keys: Keys, notice: Notice, domain: str) -> str:
    """Return the Message-ID of a notice, without its angle brackets: the same on every attempt."""
    # Of the oldest key: a retry after a change of keys must not look like another message.
    key = keys.derive("message-id of notices", keys.oldest)
    mac = blake2b(b"%d" % notice.id, digest_size=12, key=key).hexdigest()
    return f"notice.{mac}@{domain}"


def _lasts(kind: NoticeKind, confirm_within: timedelta) -> timedelta:
    if kind is NoticeKind.CONFIRM:
        return confirm_within
    return UNDO_WITHIN if kind is NoticeKind.GOODBYE else LINK_WORKS
