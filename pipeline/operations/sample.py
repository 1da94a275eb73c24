"""The message a sample reader would get: for checks and previews, never for sending."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

from pipeline.model.moment import microseconds
from pipeline.model.sample_reader import SampleReader
from pipeline.outbox.identifiers import LONGEST_TOKEN
from pipeline.outbox.message import SAMPLE_DATE, MessageTemplate, Reader

TOKEN: Final = "sample".ljust(LONGEST_TOKEN, "x")  # no real one makes a longer line


def sample_message(template: MessageTemplate, reader: SampleReader, issued: date | None) -> bytes:
    """Return the message, dated on the day of the issue; its links are good for nothing."""
    day = issued or SAMPLE_DATE
    filled = Reader(
        recipient=reader.address,
        message_id=f"sample.{reader.key}.{template.entry_id}@{template.mail_domain}",
        unsubscribe_token=TOKEN,
        preferences_token=TOKEN,
        name=reader.name,
        fields=reader.fields,
    )
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return template.fill(filled, dated_at=microseconds(midnight))
