"""What is known of some relays, so that nobody has to look it up; data only.

Only what their own documentation says, as it stands in the research, or what is plainly the same
for every account. Whatever is set explicitly wins, and a cap that has become smaller is learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct


class Preset(Struct, frozen=True, kw_only=True):
    """The options of one relay that are not the usual ones; None: nothing is known."""

    host: str | None = None  # None: it depends on the account or its region
    port: int | None = None
    connections: int | None = None
    messages_per_connection: int | None = None


PRESETS: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        "brevo": Preset(host="smtp-relay.brevo.com", port=587),
        "fastmail": Preset(host="smtp.fastmail.com", port=465),
        "gmail": Preset(host="smtp.gmail.com", port=465),
        "mailersend": Preset(host="smtp.mailersend.net", port=587, messages_per_connection=5),
        "mailgun": Preset(host="smtp.mailgun.org", port=587),
        "postmark": Preset(host="smtp-broadcasts.postmarkapp.com", port=587),
        # An older page says 100 messages a connection, a newer one 5,000: the usual 100 suits both.
        "sendgrid": Preset(host="smtp.sendgrid.net", port=587),
        "ses": Preset(port=587),
        "socketlabs": Preset(
            host="smtp.socketlabs.com", port=587, connections=10, messages_per_connection=50
        ),
    }
)
