"""What a provider posts is proven to be the provider's, then heard."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.feedback.sources.keep import Unread
from pipeline.feedback.webhooks import read_posted
from pipeline.model.ports import Clock
from pipeline.operations.hear import Hear

_log = logging.getLogger("broadsheet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One webhook of the settings."""

    name: str  # as the settings call it, and the last part of its URL
    kind: str  # a key of READERS
    secret: bytes = field(repr=False)  # the content of its secret_file
    hear: Hear
    unread: Unread
    clock: Clock

    def __call__(self, headers: Mapping[str, str], body: bytes) -> int:
        """Hear what was posted; return how many events of it were new.

        The same event again changes nothing. What a person has to act on, such as a subscription
        to confirm, or a complaint that nobody can prove, is kept where unread mail is.

        Args:
            headers: names in lower case.
            body: as it came.

        Raises:
            WebhookRefused: it is forged, stale or malformed; nothing was changed.
            ConfigError: the secret or the kind cannot be used.
            StorageError: not all of it was heard; it must come again.
        """
        now = self.clock()
        posted = read_posted(self.kind, headers, body, self.secret, now)
        if posted.for_operator:
            self.unread.keep(body, now, webhook=True)
        new = unproven = 0
        for told in posted.told:
            # Ids are unique for a provider, and a workspace may have two webhooks of one.
            heard = self.hear.webhook(
                told.feedback, source=self.name, key=f"{self.name}/{told.key}"
            )
            new += not heard.known
            unproven += heard.unproven
        if unproven:
            self.unread.keep(body, now, webhook=True)
            _log.warning(
                "feedback: webhook %s: %d events do not prove whom they are about, and changed"
                " nobody; see: broadsheet feedback list --unread",
                self.name,
                unproven,
            )
        return new
