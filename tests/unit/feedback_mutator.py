"""Damages mails as strangers and bad disks do; the same seed damages them the same way."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from random import Random

_EVIL = (
    b"((((" * 200,
    b"<" * 3000,
    b'"' * 999,
    b"=?utf-8?q?" * 300,
    b"=?utf-8?b?====?=",
    b"\x00" * 64,
    b"\xff\xfe\xfd",
    b"--sep/1\n" * 120,
    b"\nContent-Type: multipart/mixed; boundary=x\n\n--x\n",
    b"\nContent-Type: text/plain; charset=punycode\n\n",
    b"\nContent-Transfer-Encoding: base64\n\n",
    b"\nFinal-Recipient: rfc822; " + b"a" * 5000 + b"@example.net\n",
    b"a@" * 2000,
    b"a.a@a.a-" * 500,
    b"\r\r\n\r",
    b" quota" * 700,
)


def mutants(samples: Sequence[bytes], number: int, *, seed: int) -> Iterator[bytes]:
    """Yield damaged mails."""
    random = Random(seed)
    for _ in range(number):
        mail = random.choice(samples)
        for _ in range(random.randint(1, 4)):
            mail = _damaged(mail, samples, random)
        yield mail


def _damaged(mail: bytes, samples: Sequence[bytes], random: Random) -> bytes:
    at = random.randrange(len(mail) + 1)
    to = min(len(mail), at + random.randrange(200))
    match random.randrange(9):
        case 0:
            return mail[:at]
        case 1:
            other = random.choice(samples)
            return mail[:at] + other[random.randrange(len(other) + 1) :]
        case 2:
            flipped = bytearray(mail)
            for _ in range(min(len(flipped), random.randint(1, 40))):
                flipped[random.randrange(len(flipped))] ^= 1 << random.randrange(8)
            return bytes(flipped)
        case 3:
            lines = mail.split(b"\n")
            del lines[random.randrange(len(lines))]
            return b"\n".join(lines)
        case 4:
            nested = b"".join(
                b"Content-Type: multipart/mixed; boundary=n%d\n\n--n%d\n" % (depth, depth)
                for depth in range(random.choice((3, 15, 400)))
            )
            return nested + mail
        case 5:
            return mail[:at] + random.choice(_EVIL) + mail[at:]
        case 6:
            return mail[:at] + mail[at:to] * random.randint(2, 60) + mail[to:]
        case 7:
            head = b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
            return head + base64.encodebytes(mail)
        case _:
            return b"Content-Type: message/rfc822\n\n" * random.choice((1, 12, 300)) + mail
