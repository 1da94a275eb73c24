"""Our signatures before verifiers that are not ours: dkimpy, and opendkim of Debian."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import dkim  # type: ignore[import-untyped]
import pytest

from pipeline.model.moment import microseconds
from pipeline.model.newsletter import Mailbox, Newsletter
from pipeline.model.rendered import MergeSlot, RenderedIssue, TextSlot
from pipeline.outbox.compose import compose
from pipeline.outbox.dkim import DkimSigner
from pipeline.outbox.dkim_key import dns_record, load_key, make_key
from pipeline.outbox.message import Reader

pytestmark = pytest.mark.integration

DOMAIN: Final = "news.example.org"
SLOT: Final = MergeSlot.UNSUBSCRIBE_URL.value
NAMED: Final = TextSlot("name", "friend").marker
MOMENT: Final = microseconds(datetime(2026, 11, 20, 8, 0, 1, tzinfo=UTC))
OPENDKIM: Final = shutil.which("opendkim", path="/usr/sbin:/usr/local/sbin:/usr/bin")

Verify = Callable[[bytes], list[bool]]


def message(number: int = 0, *, subject: str = "What the tide tables do not say") -> bytes:
    """Compose a message with all that is awkward to canonicalise."""
    newsletter = Newsletter(
        name="Example Weekly",
        sender=Mailbox(address=f"weekly@{DOMAIN}", name="Größe, die"),
        reply_to=Mailbox(address=f"editor@{DOMAIN}") if number % 2 else None,
        unsubscribe_mailbox=f"unsubscribe@{DOMAIN}" if number % 3 else None,
    )
    rendered = RenderedIssue(
        subject=subject,
        preheader="",
        mjml="",
        html=f'<p>Two  blanks,\ta tab </p>\n\n\n<a href="{SLOT}">{NAMED}</a>{"x " * 90}\n\n\n',
        text=f"Grüße, {NAMED} \n..dots\n.\n\n{SLOT}\n\n" + "\n" * number,
    )
    reader = Reader(
        recipient=f"reader{number}@example.net",
        name=("", "Ann Reader", "Zoë  Ørsted, née “Quay”", "A. N. Other <x>")[number % 4],
        message_id=f"issue-91.{number}@{DOMAIN}",
        unsubscribe_token="AQEAAAHiQAAHWRMDcOAa7gIMMKocoLRr"[: 32 - number],
    )
    return compose(rendered, newsletter, entry_id="issue-91").fill(reader, dated_at=MOMENT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a key of each kind."""
    folder = tmp_path_factory.mktemp("dkim")
    make_key(folder / "s1.pem")
    make_key(folder / "s2.pem", ed25519=True)
    return folder


@pytest.fixture(scope="module")
def signer(folder: Path) -> DkimSigner:
    """Sign with both."""
    return DkimSigner([load_key(folder / f"{name}.pem", name) for name in ("s1", "s2")], DOMAIN)


@pytest.fixture(scope="module")
def zone(folder: Path) -> Mapping[str, str]:
    """Publish both."""
    keys = [load_key(folder / f"{name}.pem", name) for name in ("s1", "s2")]
    return {record.name: record.value for record in (dns_record(key, DOMAIN) for key in keys)}


@pytest.fixture(params=["dkimpy", "opendkim"])
def verify(request: pytest.FixtureRequest, folder: Path, zone: Mapping[str, str]) -> Verify:
    """Ask one of the verifiers about each signature, from the top."""
    if request.param == "dkimpy":
        return lambda signed: by_dkimpy(signed, zone)
    return by_opendkim(folder, zone)


def by_dkimpy(signed: bytes, zone: Mapping[str, str]) -> list[bool]:
    """Return dkimpy's verdicts; without PyNaCl it knows RSA only."""

    def txt(name: bytes, timeout: int = 5) -> bytes:  # noqa: ARG001 - dkimpy's signature
        return zone[name.decode().removesuffix(".")].encode()

    verdicts = []
    for index in range(2 if find_spec("nacl") else 1):
        try:
            verdicts.append(dkim.DKIM(signed).verify(idx=index, dnsfunc=txt))
        except dkim.DKIMException:
            verdicts.append(False)
    return verdicts


def by_opendkim(folder: Path, zone: Mapping[str, str]) -> Verify:
    """Return opendkim as a verifier: it reads keys from a file and needs no DNS."""
    if OPENDKIM is None:
        pytest.skip("opendkim is not installed")
    program, settings, mail = OPENDKIM, folder / "opendkim.conf", folder / "signed.eml"
    (folder / "keys").write_text("".join(f"{name} {value}\n" for name, value in zone.items()))
    settings.write_text(
        f"Mode v\nTestPublicKeys {folder}/keys\nSocket local:{folder}/opendkim.sock\n"
    )

    def verify(signed: bytes) -> list[bool]:
        mail.write_bytes(signed)
        run = subprocess.run(
            [program, "-x", settings, "-vv", "-t", mail],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return [found == "pass" for found in re.findall(r"\bdkim=(\w+)", run.stdout)]

    return verify


@pytest.mark.parametrize("number", range(8))
def test_every_signature_is_believed(verify: Verify, signer: DkimSigner, number: int) -> None:
    """RSA and Ed25519, whatever the names, blanks, empty lines and missing headers."""
    verdicts = verify(signer.sign(message(number, subject=("Grüße — " * number) or "Plain")))

    assert verdicts
    assert all(verdicts)


def test_opendkim_looks_at_both(signer: DkimSigner, folder: Path, zone: Mapping[str, str]) -> None:
    """Ed25519 is verified by somebody, even where dkimpy cannot."""
    assert by_opendkim(folder, zone)(signer.sign(message(1))) == [True, True]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"dots", b"d0ts"),
        (b"Two  blanks", b"Twoblanks"),
        (b"\r\n--=_", b"\r\nbuy this\r\n--=_"),
        (b"Subject: What", b"Subject: Whut"),
        (b"From: ", b"From: x"),
        (b"To: Ann", b"To: Bob"),
        (b"08:00:01", b"08:00:02"),
        (b"List-Unsubscribe: <https://news", b"List-Unsubscribe: <https://evil"),
        (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=Two-Click"),
        (b"t=1795", b"t=1796"),
    ],
)
def test_what_was_changed_is_not_believed(
    verify: Verify, signer: DkimSigner, old: bytes, new: bytes
) -> None:
    """A byte of the body, of a header that matters, or of the signature's own time."""
    signed = signer.sign(message(1))
    changed = signed.replace(old, new)

    assert changed != signed
    assert not any(verify(changed))


@pytest.mark.parametrize(
    "header",
    [
        b"From: Somebody Else <somebody@example.net>\r\n",
        b"Subject: Something else\r\n",
        b"To: somebody@example.net\r\n",
        b"Date: Sat, 21 Nov 2026 08:00:01 +0000\r\n",
        b"List-Unsubscribe: <https://evil.example/>\r\n",
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
        b"List-Help: <https://evil.example/>\r\n",
    ],
)
@pytest.mark.parametrize("at_the_top", [True, False])
def test_what_was_added_is_not_believed(
    verify: Verify, signer: DkimSigner, header: bytes, *, at_the_top: bool
) -> None:
    """Nobody can add a second one for a mail program to show instead, nor one that is missing."""
    signed = signer.sign(message(1))
    mime = b"MIME-Version: 1.0\r\n"
    changed = header + signed if at_the_top else signed.replace(mime, header + mime)

    assert not any(verify(changed))


def test_of_two_equal_headers_the_last_is_signed(verify: Verify, signer: DkimSigner) -> None:
    """As RFC 6376 5.4.2 counts them, so that a verifier finds the same one."""
    doubled = b"Reply-To: first@news.example.org\r\n" + message(1)

    assert all(verify(signer.sign(doubled)))


def test_what_mail_servers_do_is_forgiven(verify: Verify, signer: DkimSigner) -> None:
    """Headers of their own, folding, blanks and empty lines at the end: relaxed takes them."""
    signed = signer.sign(message(1))
    moved = (
        b"Received: from a by b; Fri, 20 Nov 2026 08:00:02 +0000\r\n"
        + signed.replace(b"\r\nSubject: What the", b"\r\nSUBJECT:  What\r\n\tthe")
        + b"\r\n\r\n"
    )

    assert all(verify(moved))


def test_an_attempt_after_a_restart_sends_the_same_bytes(signer: DkimSigner, folder: Path) -> None:
    """Composed and signed again from the files, a message is what it was."""
    again = DkimSigner([load_key(folder / f"{name}.pem", name) for name in ("s1", "s2")], DOMAIN)

    assert again.sign(message(3)) == signer.sign(message(3))
