"""What a subscribe form does: it writes a question down, and nobody can tell what it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from pipeline.audience.address import clean_name, parse_address
from pipeline.model.audience import MailingList
from pipeline.model.notice import NoticeKind
from pipeline.model.ports import Clock
from pipeline.model.subscriber import (
    Consent,
    ConsentAction,
    ListId,
    SubscriberId,
    SubscriberState,
    SuppressionReason,
)
from pipeline.storage.notices import ONE_A, Notices
from pipeline.storage.standing import NewSubscriber, Standing
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.suppressions import Suppressions

# Only an operator lifts these, so a confirmation could never lead to a mail.
FINAL: Final = frozenset({SuppressionReason.COMPLAINED, SuppressionReason.MANUAL})

FORGET_AFTER: Final = timedelta(days=7)  # who asked and never confirmed
MOST: Final = 3  # questions to a mailbox that never answers
# No chain of three questions that each came in time for the last lives longer.
_WITHIN: Final = MOST * FORGET_AFTER
_REMIND_AFTER: Final = timedelta(days=7)


class Ask(Struct, frozen=True, kw_only=True):
    """Let somebody ask for lists in the name of an address; its mailbox is asked back.

    A stranger may have sent the form. So it changes nothing of anybody known, no text of it gets
    into a mail, and a mailbox gets one question a day and three until they are forgotten. Who left
    has a way back every day, however many forms strangers sent in their name.

    Who is subscribed already is sent the welcome again, at most once a week: a form that says
    "look into your mailbox" and means nothing would make them ask again and again.
    """

    subscribers: Subscribers
    suppressions: Suppressions
    notices: Notices
    lists: Mapping[ListId, MailingList]
    clock: Clock
    double_opt_in: bool = True
    welcome: bool = True

    def together(self) -> AbstractContextManager[None]:
        """Return what makes all questions inside it one commit; see `Database.gathering`."""
        return self.subscribers.database.gathering()

    def __call__(
        self,
        address: str,
        *,
        lists: Sequence[str],
        form: str,
        wording: str,
        client: str,
        name: str = "",
        language: str | None = None,
    ) -> None:
        """Ask; there is no answer, as any would tell who is known.

        Args:
            address: as typed.
            lists: names; those that are unknown or not public are nobody's business, and ignored.
            form: URL of the form.
            wording: what it said they agree to.
            client: keyed hash of the client's network.
            name: kept of somebody new, if they confirm; it is in no mail before.
            language: BCP 47; the same.

        Raises:
            AddressError: this is no address.
        """
        parsed = parse_address(address)
        reason = self.suppressions.reason(parsed.normalised)
        if reason in FINAL:
            return
        now = self.clock()
        wanted = [id_ for id_, each in self.lists.items() if each.public and each.name in lists]
        known = self.subscribers.find(parsed.normalised)
        missing = self._missing(known, wanted, suppressed=reason is not None)
        if self.welcome and known is not None and wanted and not missing:
            self._remind(known, wanted[0], now)
        if not missing or (known is not None and not self._may_be_asked(known, missing, now)):
            return
        new = NewSubscriber(
            address=parsed.given,
            normalised=parsed.normalised,
            name="" if known else clean_name(name),
            language=None if known else language,
        )
        word = Consent(
            action=ConsentAction.ASKED,
            method="web",
            source=form,
            at=now,
            wording=wording,
            client=client,
        )
        if self.double_opt_in or not self._add(new, missing, word):
            self._ask(new, missing, word)

    def _missing(
        self, known: SubscriberId | None, wanted: Sequence[ListId], *, suppressed: bool
    ) -> list[ListId]:
        """Return the lists of which they get nothing now."""
        if known is None or suppressed:
            return list(wanted)
        subscriptions = self.subscribers.subscriptions(known)
        has = {each.list for each in subscriptions if each.state is SubscriberState.ACTIVE}
        return [each for each in wanted if each not in has]

    def _may_be_asked(self, known: SubscriberId, lists: Sequence[ListId], now: datetime) -> bool:
        newest = self.notices.newest(NoticeKind.CONFIRM, known)
        if newest is not None and newest > now - ONE_A:
            return False
        asked = self.notices.count(NoticeKind.CONFIRM, known, since=now - _WITHIN)
        return asked < MOST or self._has_left(known, lists)

    def _has_left(self, known: SubscriberId, lists: Sequence[ListId]) -> bool:
        """Tell whether they were on one of the lists, which is more than a stranger can make."""
        words = [word for each in lists for word in self.subscribers.on(each).consents(known)]
        said = {word.action for word in words}
        return said >= {ConsentAction.GIVEN, ConsentAction.WITHDRAWN}

    def _remind(self, known: SubscriberId, list_: ListId, now: datetime) -> None:
        newest = self.notices.newest(NoticeKind.WELCOME, known)
        if newest is None or newest <= now - _REMIND_AFTER:
            self.notices.add(NoticeKind.WELCOME, known, list_, now)

    def _add(self, new: NewSubscriber, lists: Sequence[ListId], word: Consent) -> bool:
        """Take the form for their word; False: they have to say themselves that they are back."""
        given = Consent(
            action=ConsentAction.GIVEN,
            method=word.method,
            source=word.source,
            at=word.at,
            wording=word.wording,
            client=word.client,
        )
        standings = {self.subscribers.on(each).add(new, given) for each in lists}
        if not standings.isdisjoint({Standing.UNSUBSCRIBED, Standing.SUPPRESSED}):
            return False
        if self.welcome and (id_ := self.subscribers.find(new.normalised)) is not None:
            self.notices.add(NoticeKind.WELCOME, id_, lists[0], word.at)
        return True

    def _ask(self, new: NewSubscriber, lists: Sequence[ListId], word: Consent) -> None:
        """Ask about all lists in one mail: their moment is the same, see `Bearers.together`."""
        asked = {self.subscribers.on(each).ask(new, word) for each in lists}
        for id_ in asked:
            self.notices.add(NoticeKind.CONFIRM, id_, lists[0], word.at)
