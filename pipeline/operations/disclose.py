"""Everything that is stored of a person, for that person: asked on a page, got through a mail."""

from __future__ import annotations

import json

from pipeline.audience.tokens import Action
from pipeline.model.notice import NoticeKind
from pipeline.operations.mailed_link import MailedLink
from pipeline.storage.disclosure import Disclosure


class Disclose(MailedLink, frozen=True, kw_only=True):
    """Hand people what is stored of them."""

    notice = NoticeKind.DISCLOSE
    action = Action.DISCLOSE

    disclosure: Disclosure

    def read(self, token: str) -> bytes | None:
        """Return everything as JSON; None: see `bearer`."""
        person = self.bearer(token)
        found = self.disclosure(person.id) if person else None
        return json.dumps(found, ensure_ascii=False, indent=2).encode() if found else None
