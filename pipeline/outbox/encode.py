"""Quoted-printable with merge slots alone on their lines, so that filling one moves nothing.

A value starts at column 0 and ends in a soft break, as its marker did: a message is filled by
a join (decision D4).
"""

from __future__ import annotations

import re
from typing import Final

from pipeline.model.rendered import MARKER, Slot, slot

LINE: Final = 76  # characters, the "=" of a soft break included (RFC 2045 6.7 rule 5)
SOFT_BREAK: Final = b"=\r\n"
_MARK: Final = "XX0"  # all markers start so

Segment = bytes | Slot

_MARKERS = re.compile(f"({MARKER.pattern})")
_SAFE: Final = bytes([9, *range(32, 127)])
_UNSAFE = re.compile(rb"[^\t -~]+")


def quoted_printable(text: str) -> tuple[Segment, ...]:
    """Encode a text part as UTF-8.

    No line of it starts with a dot, whatever the values: dot-stuffing finds nothing to do, and a
    server that does it wrong does no harm. Nor does any line start with "From " (RFC 2049 3).

    Args:
        text: line ends are LF or CRLF; any other control character is encoded.

    Returns:
        Bytes and slots in turn, bytes first and last; hard line ends are CRLF.

    Raises:
        UnicodeEncodeError: the text holds half of a surrogate pair.
    """
    segments: list[Segment] = []
    constant = bytearray()
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n")):
        if number:
            constant += b"\r\n"
        if _MARK not in line:
            constant += _wrap(line, ends_line=True)
            continue
        *pairs, last = _MARKERS.split(line)
        for run, marker in zip(pairs[::2], pairs[1::2], strict=True):
            if run:
                constant += _wrap(run) + SOFT_BREAK
            segments += [bytes(constant), slot(marker)]
            constant = bytearray(SOFT_BREAK)
        constant += _wrap(last, ends_line=True)
    segments.append(bytes(constant))
    return tuple(segments)


def slot_value(value: str) -> bytes:
    """Encode what fills a slot; it stands alone between the soft breaks around the slot."""
    return _wrap(value)


def _wrap(run: str, *, ends_line: bool = False) -> bytes:
    """Encode text that starts at column 0; it ends a line, or a soft break follows."""
    quoted = run.encode().replace(b"=", b"=3D")
    if quoted.translate(None, _SAFE):  # a long line of HTML is quicker looked through like this
        quoted = _UNSAFE.sub(_escape, quoted)
    if ends_line and quoted.endswith((b" ", b"\t")):
        quoted = quoted[:-1] + b"=%02X" % quoted[-1]  # servers strip trailing blanks
    longest_last = LINE if ends_line else LINE - 1
    lines: list[bytes] = []
    start = 0
    while True:
        head = b""
        if quoted.startswith((b".", b"From "), start):
            head = b"=%02X" % quoted[start]
            start += 1
        if len(head) + len(quoted) - start <= longest_last:
            lines.append(head + quoted[start:])
            return SOFT_BREAK.join(lines)
        end = start + LINE - 1 - len(head)
        split_escape = quoted.rfind(b"=", end - 2, end)
        if split_escape != -1:
            end = split_escape
        lines.append(head + quoted[start:end])
        start = end


def _escape(match: re.Match[bytes]) -> bytes:
    return f"={match[0].hex('=').upper()}".encode("ascii")
