"""DKIM: what is signed, how the field is written, which keys are taken, what DNS shall say."""

from __future__ import annotations

import os
import re
import stat
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)
from dkim.canonicalization import Relaxed  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli.dkim import dkim
from pipeline.cli.place import Place
from pipeline.errors import ConfigError
from pipeline.model.moment import microseconds
from pipeline.model.newsletter import Mailbox, Newsletter
from pipeline.model.rendered import MergeSlot, RenderedIssue
from pipeline.outbox import dkim_key
from pipeline.outbox.compose import compose
from pipeline.outbox.dkim import SIGNED, DkimSigner, relaxed_body
from pipeline.outbox.dkim_key import DkimKey, dns_record, load_key, make_key
from pipeline.outbox.headers import MessageError
from pipeline.outbox.message import Reader

DOMAIN = "news.example.org"
SLOT = MergeSlot.UNSUBSCRIBE_URL.value
NEWSLETTER = Newsletter(
    name="Example Weekly",
    sender=Mailbox(address=f"weekly@{DOMAIN}", name="Example Weekly"),
    unsubscribe_mailbox=f"unsubscribe@{DOMAIN}",
)
RENDERED = RenderedIssue(
    subject="Ebb  und Flut — was die Tafeln verschweigen, und weshalb es niemandem auffällt",
    preheader="",
    mjml="",
    html=f'<p>Two  blanks\tand a tab </p>\n\n<a href="{SLOT}">Unsubscribe</a>\n\n\n',
    text=f"Grüße \n..dots\n\n{SLOT}\n",
)
MESSAGE = compose(RENDERED, NEWSLETTER, entry_id="issue-91").fill(
    Reader(
        recipient="zoe@example.net",
        name="Zoë Reader",
        message_id=f"issue-91.k7Qk2mP9b3J1@{DOMAIN}",
        unsubscribe_token="AQEAAAHiQAAHWRMDcOAa7gIMMKocoLRr",
    ),
    dated_at=microseconds(datetime(2026, 11, 20, 8, 0, 1, 5, tzinfo=UTC)),
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[DkimKey, DkimKey]:
    """Make a key of each kind."""
    folder = tmp_path_factory.mktemp("keys")
    make_key(folder / "rsa.pem")
    make_key(folder / "ed25519.pem", ed25519=True)
    return load_key(folder / "rsa.pem", "s1"), load_key(folder / "ed25519.pem", "s2")


def signatures(message: bytes) -> list[dict[str, str]]:
    """Return the tags of each signature; white space is not part of any."""
    head = message.partition(b"\r\n\r\n")[0].decode("ascii")
    fields = re.findall(r"^DKIM-Signature:((?:.|\r\n )*)\r\n", head, re.MULTILINE)
    return [
        dict(tag.split("=", 1) for tag in re.sub(r"\s", "", field).split(";")) for field in fields
    ]


def test_a_signature_says_who_signed_what_and_when(keys: tuple[DkimKey, DkimKey]) -> None:
    """RSA first, the time is the message's Date, and no part of the body is left out."""
    first, second = signatures(DkimSigner(keys, DOMAIN).sign(MESSAGE))

    assert (first["a"], first["s"]) == ("rsa-sha256", "s1")
    assert (second["a"], second["s"]) == ("ed25519-sha256", "s2")
    for tags in (first, second):
        assert list(tags) == ["v", "a", "c", "d", "s", "t", "bh", "h", "b"]
        assert (tags["v"], tags["c"], tags["d"]) == ("1", "relaxed/relaxed", DOMAIN)
        assert tags["t"] == str(int(datetime(2026, 11, 20, 8, 0, 1, tzinfo=UTC).timestamp()))
        assert tags["h"].split(":") == list(SIGNED)


def test_what_providers_want_signed_is_signed() -> None:
    """One-click needs both of its headers signed (RFC 8058 4); these may not be added to either."""
    for name in ("from", "to", "subject", "date", "list-unsubscribe", "list-unsubscribe-post"):
        assert SIGNED.count(name) == 2


def test_a_signed_message_is_as_safe_to_carry(keys: tuple[DkimKey, DkimKey]) -> None:
    """The message is as it was behind its signatures, which are 7-bit, folded and CRLF only."""
    signed = DkimSigner(keys, DOMAIN).sign(MESSAGE)

    assert signed.endswith(MESSAGE)
    added = signed.removesuffix(MESSAGE)
    assert added.isascii()
    assert added.startswith(b"DKIM-Signature: v=1;")
    assert added.endswith(b"\r\n")
    lines = added.removesuffix(b"\r\n").split(b"\r\n")
    assert max(map(len, lines)) <= 76
    assert not re.search(rb"[^\x20-\x7e]", b"".join(lines))
    assert all(line.startswith((b" ", b"DKIM-Signature: ")) and line.strip() for line in lines)


def test_no_tag_but_the_long_ones_is_broken(keys: tuple[DkimKey, DkimKey]) -> None:
    """A line ends behind a tag, behind a colon of h=, or inside b=; nowhere else."""
    signer = DkimSigner(keys, f"{'long-' * 9}name.{'long-' * 9}name.example.org")
    added = signer.sign(MESSAGE).removesuffix(MESSAGE).decode("ascii")

    for field in added.split("DKIM-Signature:")[1:]:
        for line in field.partition(" b=")[0].strip().split("\r\n"):
            assert line.endswith((";", ":"))


def test_a_retry_sends_the_same_bytes(keys: tuple[DkimKey, DkimKey]) -> None:
    """Nothing in a signature comes from a clock or from chance."""
    signer = DkimSigner(keys, DOMAIN)

    assert signer.sign(MESSAGE) == signer.sign(MESSAGE) == DkimSigner(keys, DOMAIN).sign(MESSAGE)


@pytest.mark.parametrize("field", ["From", "Date"])
def test_a_message_without_author_or_date_is_not_signed(
    keys: tuple[DkimKey, DkimKey], field: str
) -> None:
    """The error names the field that is missing."""
    without = re.sub(rf"^{field}: .*\r\n".encode(), b"", MESSAGE, flags=re.MULTILINE)

    with pytest.raises(MessageError) as caught:
        DkimSigner(keys, DOMAIN).sign(without)

    assert caught.value.field == field


BODIES = st.lists(
    st.binary(max_size=6) | st.sampled_from([b" ", b"\t", b"  ", b"\r\n", b"\r\n" * 3, b"a"]),
    max_size=12,
).map(lambda pieces: re.sub(rb"\r(?!\n)|(?<!\r)\n|[\x0b\x0c]", b"", b"".join(pieces)))


@given(BODIES)
def test_a_body_is_canonical_as_others_have_it(body: bytes) -> None:
    """The same bytes are hashed as by dkimpy, whatever blanks and empty lines there are."""
    # dkimpy adds no line end where one is missing, as RFC 6376 3.4.4 wants.
    ended = body if not body or body.endswith(b"\r\n") else body + b"\r\n"

    assert relaxed_body(body) == Relaxed.canonicalize_body(ended)


def test_a_key_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """A new one is, whatever the umask; one that is not is refused with the remedy."""
    file = tmp_path / "key.pem"
    before = os.umask(0)
    try:
        make_key(file, ed25519=True)
    finally:
        os.umask(before)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for mode in (0o640, 0o604, 0o610):
        file.chmod(mode)
        with pytest.raises(ConfigError, match=f"chmod 600 {file}"):
            load_key(file, "s1")


def test_no_key_is_written_over(tmp_path: Path) -> None:
    """Neither a file nor a link to one, even if it leads nowhere yet."""
    file, link = tmp_path / "key.pem", tmp_path / "link.pem"
    file.write_bytes(b"in use")
    link.symlink_to(tmp_path / "elsewhere.pem")

    for path in (file, link):
        with pytest.raises(ConfigError, match="is there already"):
            make_key(path, ed25519=True)

    assert file.read_bytes() == b"in use"
    assert not (tmp_path / "elsewhere.pem").exists()


def rsa_pem(
    bits: int,
    encryption: KeySerializationEncryption | None = None,
    form: PrivateFormat = PrivateFormat.PKCS8,
) -> bytes:
    """Return an RSA key as a file has it."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return private.private_bytes(Encoding.PEM, form, encryption or NoEncryption())


def elliptic_pem() -> bytes:
    """Return a key that DKIM has no algorithm for."""
    private = ec.generate_private_key(ec.SECP256R1())
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (lambda: b"", "no private key in PEM"),
        (lambda: b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", "no priv"),
        (lambda: rsa_pem(1024), "1024 bits is too weak"),
        (lambda: rsa_pem(2048, BestAvailableEncryption(b"pass")), "is encrypted"),
        (elliptic_pem, "neither an RSA nor an Ed25519 key"),
    ],
)
def test_a_key_that_is_no_good_is_refused(
    tmp_path: Path, content: Callable[[], bytes], problem: str
) -> None:
    """The error names the file and the problem, and nothing of what is in it."""
    file = tmp_path / "key.pem"
    file.write_bytes(content())
    file.chmod(0o600)

    with pytest.raises(ConfigError, match=problem) as caught:
        load_key(file, "s1")

    assert str(file) in str(caught.value)
    assert "c2VjcmV0" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("bits", "problem"), [(512, "worthless"), (1023, "worthless"), (8192, "not every")]
)
def test_an_rsa_key_has_a_size_that_verifiers_take(bits: int, problem: str) -> None:
    """They must not believe less than 1024 bits, and need not know more than 4096 (RFC 8301)."""
    with pytest.raises(ConfigError, match=f"key.pem: .*{problem}|{problem}.*{bits}"):
        dkim_key._check_size(Path("key.pem"), bits)


def test_a_missing_key_has_a_remedy(tmp_path: Path) -> None:
    """The command that makes one is named."""
    with pytest.raises(ConfigError, match="broadsheet dkim keygen"):
        load_key(tmp_path / "key.pem", "s1")


def test_keys_of_other_tools_are_taken(tmp_path: Path) -> None:
    """`openssl genrsa -traditional` writes PKCS #1, others 4096 bits."""
    for bits, form in ((2048, PrivateFormat.TraditionalOpenSSL), (4096, PrivateFormat.PKCS8)):
        file = tmp_path / f"{bits}.pem"
        file.write_bytes(rsa_pem(bits, form=form))
        file.chmod(0o600)

        assert load_key(file, "s1").algorithm == "rsa-sha256"


def test_a_key_is_never_shown(tmp_path: Path) -> None:
    """What a log would print of a key and its signer holds nothing to sign with."""
    make_key(tmp_path / "key.pem", ed25519=True)
    key = load_key(tmp_path / "key.pem", "s1")
    secret = load_pem_private_key((tmp_path / "key.pem").read_bytes(), None)

    assert "sign" not in repr(key)
    assert repr(secret) not in repr(key)


@pytest.mark.parametrize(
    "name", ["", "a b", "s1.", "ü", "s_1", "x" * 64, "a;b", "{t}", "s1\r\nX: y"]
)
def test_what_cannot_stand_in_a_signature_is_refused(
    tmp_path: Path, keys: tuple[DkimKey, DkimKey], name: str
) -> None:
    """Neither a selector nor a domain can end its tag, its line or its label."""
    make_key(tmp_path / "key.pem", ed25519=True)

    with pytest.raises(ConfigError, match="selector"):
        load_key(tmp_path / "key.pem", name)
    with pytest.raises(ConfigError, match="domain"):
        DkimSigner(keys, f"{name}.example.org")
    with pytest.raises(ConfigError, match="no key"):
        DkimSigner((), DOMAIN)


def test_the_record_holds_the_public_key(keys: tuple[DkimKey, DkimKey]) -> None:
    """RSA as SubjectPublicKeyInfo, Ed25519 as its bare 32 bytes (RFC 8463 4), in short strings."""
    of_rsa, of_ed25519 = (dns_record(key, DOMAIN) for key in keys)

    assert of_rsa.name == f"s1._domainkey.{DOMAIN}"
    start, public = of_rsa.value.split("p=")
    assert start == "v=DKIM1; k=rsa; "
    found = load_der_public_key(b64decode(public))
    assert found.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == keys[0].public
    assert [len(string) for string in of_rsa.strings] == [255, len(of_rsa.value) - 255]
    assert "".join(of_rsa.strings) == of_rsa.value
    assert of_rsa.zone_line == (
        f's1._domainkey.{DOMAIN}. IN TXT ( "{of_rsa.strings[0]}" "{of_rsa.strings[1]}" )'
    )
    assert of_ed25519.value.startswith("v=DKIM1; k=ed25519; p=")
    assert len(b64decode(of_ed25519.value.partition("p=")[2])) == 32
    assert len(of_ed25519.strings) == 1


def run(*arguments: str, folder: Path) -> tuple[int, str]:
    """Run `broadsheet dkim` outside any workspace; return exit code and standard output."""
    place = Place(workspace=str(folder), no_input=True)
    result = CliRunner().invoke(dkim, arguments, obj=place, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.exit_code, result.stdout


def test_keygen_prints_what_record_prints_again(tmp_path: Path) -> None:
    """The file is called after its record, so that nothing else need be remembered."""
    file = tmp_path / f"s1._domainkey.{DOMAIN}.pem"

    code, made = run(
        "keygen", "--selector", "s1", "--domain", DOMAIN, "--out", str(file), folder=tmp_path
    )
    _, again = run("record", str(file), folder=tmp_path)

    assert code == 0
    assert again == made
    lines = dict(line.split("\t") for line in made.splitlines())
    record = dns_record(load_key(file, "s1"), DOMAIN)
    assert lines == {
        "name": record.name,
        "type": "TXT",
        "value": record.value,
        "zone": record.zone_line,
    }


def test_record_asks_for_a_selector_it_cannot_know(tmp_path: Path) -> None:
    """A key of another name needs --selector."""
    make_key(tmp_path / "key.pem", ed25519=True)

    with pytest.raises(Exception, match="add --selector"):
        run("record", str(tmp_path / "key.pem"), folder=tmp_path)
    _, found = run(
        *("record", str(tmp_path / "key.pem"), "--selector", "s2", "--domain", DOMAIN),
        folder=tmp_path,
    )

    assert f"name\ts2._domainkey.{DOMAIN}\n" in found
