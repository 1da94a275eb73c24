"""A person's word that an entry may be sent as it is."""

from __future__ import annotations

from msgspec import Struct

from pipeline.errors import ConfigError
from pipeline.model.entry import Approval, Entry, EntryId
from pipeline.model.newsletter import Newsletter
from pipeline.model.ports import Clock
from pipeline.outbox.folder import Outbox


class Approve(Struct, frozen=True, kw_only=True):
    """Bind a person's word to the digest of an entry; an edit voids it (decision D5)."""

    outbox: Outbox
    newsletter: Newsletter
    clock: Clock

    def __call__(self, entry: EntryId, *, by: str) -> tuple[Entry, Approval]:
        """Approve an entry as it stands in the outbox.

        Raises:
            ConfigError: no postal address is set; the law wants one in every mail.
            ChecksFailed: preflight found errors.
            OutboxError: there is no such entry, or it was changed by hand.
        """
        if not self.newsletter.postal_address:
            raise ConfigError("newsletter.postal_address is not set; nothing can be approved")
        found = self.outbox.get(entry)
        approval = self.outbox.approve(entry, now=self.clock(), by=by)
        self.outbox.write_index(self.newsletter)
        return found, approval
