"""A dispatch through Debian's Postfix, over TLS, signed: every message arrives and verifies."""

from __future__ import annotations

import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Final

import dkim  # type: ignore[import-untyped] # it ships no types
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.integration.machine import need, wait_for
from tests.integration.newsroom import Newsroom, open_newsroom
from tests.integration.postfix import Postfix, running_postfix

pytestmark = pytest.mark.integration

READERS: Final = 2_000
SELECTOR: Final = "quay2026"
SEND: Final = ("send", "001", "--confirm")


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    """A Postfix of our own."""
    with running_postfix() as instance:
        yield instance


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A signing key's file, and what the DNS would say of it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = tmp_path_factory.mktemp("key") / "dkim.pem"
    file.touch(mode=0o600)
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return file, f"v=DKIM1; k=rsa; p={b64encode(public).decode()}"


@pytest.fixture(scope="module")
def sent(
    tmp_path_factory: pytest.TempPathFactory, postfix: Postfix, record: tuple[Path, str]
) -> Newsroom:
    """A newsroom whose issue went to READERS readers; all of it has arrived."""
    newsroom = open_newsroom(
        tmp_path_factory.mktemp("workspace"),
        port=postfix.port,
        readers=READERS,
        options=f'tls = "starttls"\nca_file = "{postfix.ca_file}"',
        tables=f'[dkim]\nselector = "{SELECTOR}"\nkey_file = "{record[0]}"\n',
    )
    done = newsroom.run(*SEND, str(READERS))
    assert done.returncode == 0, done.stderr
    wait_for(lambda: len(postfix.delivered()) >= READERS, "everything is delivered")
    return newsroom


def message(file: Path) -> tuple[str, bytes]:
    """Return who a delivered message is for, and its bytes as they left us."""
    data = file.read_bytes().replace(b"\n", b"\r\n")
    recipient = re.search(rb"^Delivered-To: (\S+)\r$", data, re.MULTILINE)
    assert recipient is not None
    received = re.search(rb"^Received: .*\r\n(?:[ \t].*\r\n)*", data, re.MULTILINE)
    assert received is not None
    return recipient[1].decode(), data[received.end() :]


def test_the_ledger_and_the_mailboxes_agree(sent: Newsroom, postfix: Postfix) -> None:
    """READERS accepted, READERS files, one for each address and none for anybody else."""
    row = sent.dispatch()
    recipients = [message(file)[0] for file in postfix.delivered()]

    assert row is not None
    assert (row["state"], row["accepted"]) == ("finished", READERS)
    assert sorted(recipients) == sorted(each["address"] for each in sent.deliveries())


def test_mail_went_over_tls(sent: Newsroom, postfix: Postfix) -> None:
    """Postfix saw STARTTLS on each connection, and nothing it calls an error."""
    ended = re.findall(r"disconnect from .* commands=.*", postfix.log)
    carrying = [line for line in ended if " data=" in line]

    assert sent
    assert carrying
    assert all(" starttls=1 " in line for line in carrying)
    assert not re.findall(r"(?:error|fatal|panic|improper|reject)", postfix.log)


def test_every_signature_verifies(
    sent: Newsroom, postfix: Postfix, record: tuple[Path, str]
) -> None:
    """Each message bears one that dkimpy finds good, and that covers what it must (RFC 8058 4)."""
    expected = sent.message_ids()
    asked = f"{SELECTOR}._domainkey.example.org.".encode()

    def dns(name: bytes, timeout: int = 5) -> bytes | None:
        del timeout
        return record[1].encode() if name == asked else None

    for file in postfix.delivered():
        recipient, data = message(file)
        assert dkim.verify(data, dnsfunc=dns), file.read_text()
        header = BytesHeaderParser().parsebytes(data)
        assert header["Message-ID"] == expected[recipient]
        signed = re.sub(r"\s", "", str(header["DKIM-Signature"])).lower()
        assert "list-unsubscribe:list-unsubscribe-post" in signed


def test_another_verifier_agrees(
    sent: Newsroom, postfix: Postfix, record: tuple[Path, str], tmp_path: Path
) -> None:
    """OpenDKIM finds a message good, and the same message with a word more bad."""
    assert sent
    opendkim = need("opendkim", "opendkim")
    (tmp_path / "keys").write_text(f"{SELECTOR}._domainkey.example.org {record[1]}\n")
    (tmp_path / "conf").write_text(f"Mode v\nSyslog no\nTestPublicKeys {tmp_path / 'keys'}\n")
    good, bad = tmp_path / "good.eml", tmp_path / "bad.eml"
    data = message(postfix.delivered()[0])[1]
    good.write_bytes(data)
    bad.write_bytes(data + b"and a word more\r\n")

    def says(file: Path) -> str:
        command = [opendkim, "-x", str(tmp_path / "conf"), "-t", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    assert "succeeded" in says(good)
    assert "signature verification failed" in says(bad)


def test_a_certificate_of_somebody_else_is_refused(tmp_path: Path, postfix: Postfix) -> None:
    """Without our authority nothing is sent, nobody is blamed, and a person has to mend it."""
    before = len(postfix.delivered())
    newsroom = open_newsroom(tmp_path, port=postfix.port, readers=3, options='tls = "starttls"')
    done = newsroom.run(*SEND, "3")
    row = newsroom.dispatch()

    assert done.returncode == 2
    assert "certificate" in done.stderr.lower()
    assert row is not None
    assert (row["pending"], row["accepted"], row["refused"]) == (3, 0, 0)
    assert len(postfix.delivered()) == before
