"""The bytes of a journal: a header, then records, little-endian, each with its CRC-32.

    header   magic, version, dispatch, identity of the database          crc
    START    length, delivery, attempt, status, started_at               crc
    SETTLED  length, delivery, attempt, status, the rest of `Settled`    crc
    zeros    reserved, not written yet

Pure: no file, no clock.
"""

from __future__ import annotations

from struct import Struct
from typing import Final
from zlib import crc32

from pipeline.errors import StorageError
from pipeline.model.delivery import DeliveryId, DeliveryStatus, Settled
from pipeline.model.dispatch import DispatchId

MAGIC: Final = b"bs-jrnl"
VERSION: Final = 1
IDENTITY: Final = 16  # bytes
REPLY: Final = 500  # bytes of a reply that are kept

_HEADER: Final = Struct("<7sBq16s")
_START: Final = Struct("<HqIBq")
_SETTLED: Final = Struct("<HqIBqqqi")
_CRC: Final = 4
# A message is written down twice, and a bound method each saves a look-up.
_pack_start, _pack_settled = _START.pack, _SETTLED.pack

BEGINNING: Final = _HEADER.size + _CRC
LARGEST: Final = _SETTLED.size + REPLY + _CRC

_STARTED: Final = 1
_CODES: Final = {
    DeliveryStatus.SENDING: _STARTED,  # START: what came of it is not known yet
    DeliveryStatus.PENDING: 2,
    DeliveryStatus.DEFERRED: 3,
    DeliveryStatus.ACCEPTED: 4,
    DeliveryStatus.REFUSED: 5,
    DeliveryStatus.UNCERTAIN: 6,
}
_STATUSES: Final = {code: status for status, code in _CODES.items()}

_NO_MOMENT: Final = -(2**63)
_NO_CODE: Final = -(2**31)


def header(dispatch: DispatchId, identity: bytes) -> bytes:
    """Return how every file of a journal begins."""
    if len(identity) != IDENTITY:
        raise ValueError(f"an identity has {IDENTITY} bytes, not {len(identity)}")
    facts = _HEADER.pack(MAGIC, VERSION, dispatch, identity)
    return facts + _seal(facts)


def start_record(delivery: DeliveryId, attempt: int, at: int) -> bytes:
    """Return the record of a START at so many microseconds."""
    record = _pack_start(_START.size, delivery, attempt, _STARTED, at)
    return record + crc32(record).to_bytes(_CRC, "little")


def settled_record(settled: Settled) -> bytes:
    """Return the record of an outcome; of a long reply the first REPLY bytes are kept."""
    delivery, attempt, status, started_at, ended_at, due_at, code, reply = settled
    words = reply.encode("utf-8", "replace")
    if len(words) > REPLY:
        words = words[:REPLY].decode(errors="ignore").encode()
    facts = _pack_settled(
        _SETTLED.size + len(words),
        delivery,
        attempt,
        _CODES[status],
        started_at,
        _NO_MOMENT if ended_at is None else ended_at,
        _NO_MOMENT if due_at is None else due_at,
        _NO_CODE if code is None else code,
    )
    record = facts + words
    return record + crc32(record).to_bytes(_CRC, "little")


def check_header(data: bytes, name: str, dispatch: DispatchId, identity: bytes) -> None:
    """Make sure that a file is part of the journal of this dispatch in this database.

    Raises:
        StorageError: it is not, and what to do; `name` says of which file.
    """
    facts, crc = data[: _HEADER.size], data[_HEADER.size : BEGINNING]
    if len(crc) < _CRC or crc != _seal(facts):
        raise StorageError(
            f"{name}: the journal is damaged at its beginning; restore it from a backup, or move"
            " its folder away and see in the relay's log who got the message"
        )
    _, version, whose, database = _HEADER.unpack(facts)
    if version != VERSION:
        raise StorageError(
            f"{name}: a journal of version {version}; go on with the Broadsheet that wrote it"
        )
    if database != identity:
        raise StorageError(
            f"{name}: this is the journal of another database; put back the database it belongs"
            " to, or move its folder away if those messages are no longer of interest"
        )
    if whose != dispatch:
        raise StorageError(
            f"{name}: this is the journal of dispatch {whose} and not of {dispatch};"
            " move its folder to where it belongs"
        )


def records(data: bytes) -> tuple[bool, list[Settled]]:
    """Return the records of a file up to its end or to the first that is torn.

    A START is an outcome yet to come: its status is SENDING. The first value is whether nothing
    but zeros follows, as after a clean end.
    """
    found: list[Settled] = []
    at = BEGINNING
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "little")
        record, crc = data[at : at + length], data[at + length : at + length + _CRC]
        if length < _START.size or crc != _seal(record):
            break
        found.append(_started(record) if length == _START.size else _settled(record))
        at += length + _CRC
    return data[at:] == bytes(len(data) - at), found


def _started(record: bytes) -> Settled:
    _, delivery, attempt, status, started_at = _START.unpack(record)
    return Settled(DeliveryId(delivery), attempt, _STATUSES[status], started_at)


def _settled(record: bytes) -> Settled:
    _, delivery, attempt, status, started_at, ended_at, due_at, code = _SETTLED.unpack_from(record)
    return Settled(
        DeliveryId(delivery),
        attempt,
        _STATUSES[status],
        started_at,
        None if ended_at == _NO_MOMENT else ended_at,
        None if due_at == _NO_MOMENT else due_at,
        None if code == _NO_CODE else code,
        record[_SETTLED.size :].decode(),
    )


def _seal(data: bytes) -> bytes:
    return crc32(data).to_bytes(_CRC, "little")
