"""A name server on loopback that knows a table and nothing else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Records = Mapping[tuple[str, str], Sequence[str]]  # by name and type, as in a zone file

_POLL: Final = 0.05  # seconds


@contextmanager
def name_server(records: Records, *, mute: bool = False) -> Iterator[int]:
    """Answer questions over UDP; yield the port.

    Args:
        records: other names do not exist; a known name has no records of other types.
        mute: refuse to say anything about anything.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("127.0.0.1", 0))
    listening.settimeout(_POLL)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                data, peer = listening.recvfrom(4096)
            except TimeoutError:
                continue
            listening.sendto(_answer(records, data, mute=mute), peer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        over.set()
        thread.join()
        listening.close()


def _answer(records: Records, data: bytes, *, mute: bool) -> bytes:
    query = dns.message.from_wire(data)
    response = dns.message.make_response(query)
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    kind = dns.rdatatype.to_text(question.rdtype)
    if mute:
        response.set_rcode(dns.rcode.SERVFAIL)
    elif name not in {known for known, _ in records}:
        response.set_rcode(dns.rcode.NXDOMAIN)
    elif found := records.get((name, kind)):
        response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
    return response.to_wire()
