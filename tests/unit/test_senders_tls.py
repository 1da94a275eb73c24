from __future__ import annotations

import asyncio
import ssl
import subprocess
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pipeline.errors import SenderUnavailable
from pipeline.model.delivery import Accepted, Outcome
from pipeline.senders import smtp
from pipeline.senders.fault import SenderFault
from pipeline.senders.smtp import Smtp
from pipeline.testing.plan import At, Plan, Rule, cut_in_body
from pipeline.testing.sink import SmtpSink
from tests.unit.relays import LOOPS, Run, carry, hasty, readers, work_for

MESSAGE = b"Subject: hello\r\n\r\n" + b"Good morning.\r\n" * 5000  # several TLS records


@pytest.fixture(scope="session")
def certificate(openssl_path: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for 127.0.0.1 that is its own authority, with its key beside it."""
    return make_certificate(openssl_path, tmp_path_factory.mktemp("tls"), "IP:127.0.0.1")


@pytest.fixture(scope="session")
def other_certificate(openssl_path: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for somebody else."""
    return make_certificate(openssl_path, tmp_path_factory.mktemp("tls"), "DNS:evil.example.org")


def make_certificate(openssl: str, folder: Path, name: str) -> Path:
    """Write a self-signed certificate and its key into a folder."""
    file = folder / "certificate.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=sink", "-addext", f"subjectAltName={name}"),
            *("-out", str(file), "-keyout", str(folder / "key.pem")),
        ],
        check=True,
        capture_output=True,
    )
    return file


def server_context(certificate: Path) -> ssl.SSLContext:
    """Return what a server with that certificate needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    return context


def sender_to(sink: SmtpSink, tls: str, authority: Path | None, **options: object) -> Smtp:
    """Return a sender that trusts the authority, or only the usual ones."""
    trusted = {"ca_file": str(authority)} if authority else {}
    options = {"host": sink.host, "port": sink.port, "tls": tls, **trusted, **options}
    return hasty(smtp.build(options))


def send(sender: Smtp, run: Run = asyncio.run) -> list[Outcome | None]:
    """Send two messages."""
    return carry(sender, work_for("ada@example.org", "bob@example.org", message=MESSAGE), run)


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Give each of the two event loops."""
    return LOOPS[request.param]


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_mail_goes_over_a_verified_connection(certificate: Path, tls: str, run: Run) -> None:
    """Both kinds of TLS carry a login and several messages, byte for byte."""
    plan = Plan(
        tls=server_context(certificate), implicit_tls=tls == "implicit", login=("ada", "secret")
    )
    with SmtpSink(plan) as sink:
        outcomes = send(sender_to(sink, tls, certificate, user="ada", password="secret"), run)

    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted]
    assert [message.data for message in sink.messages] == [MESSAGE, MESSAGE]


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_an_unknown_authority_gets_nothing(certificate: Path, tls: str) -> None:
    """A self-signed certificate ends in a fault that says so; no login, no mail, no blame."""
    plan = Plan(
        tls=server_context(certificate), implicit_tls=tls == "implicit", login=("ada", "secret")
    )
    with SmtpSink(plan) as sink, pytest.raises(SenderFault, match="self-signed certificate"):
        send(sender_to(sink, tls, None, user="ada", password="secret"))

    assert sink.messages == ()


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_the_name_must_be_ours(other_certificate: Path, tls: str) -> None:
    """A trusted certificate of somebody else is refused."""
    plan = Plan(tls=server_context(other_certificate), implicit_tls=tls == "implicit")
    with SmtpSink(plan) as sink, pytest.raises(SenderFault, match=r"127\.0\.0\.1"):
        send(sender_to(sink, tls, other_certificate))

    assert sink.messages == ()


def test_a_stripped_starttls_stops_the_mail(certificate: Path) -> None:
    """A server that no longer offers STARTTLS gets neither password nor mail."""
    with (
        SmtpSink(Plan(login=("ada", "secret"))) as sink,
        pytest.raises(SenderFault, match="offers no STARTTLS"),
    ):
        send(sender_to(sink, "starttls", certificate, user="ada", password="secret"))

    assert sink.messages == ()


def test_what_was_offered_in_the_clear_is_forgotten(certificate: Path) -> None:
    """Extensions count as they are announced after the handshake."""
    inside = Rule(at=At.EHLO, reply="250-sink.example.org\r\n250 SIZE 10", skip=1)
    plan = Plan(tls=server_context(certificate), rules=(inside,))
    with SmtpSink(plan) as sink, pytest.raises(SenderFault, match="the server takes 10"):
        send(sender_to(sink, "starttls", certificate))


def test_words_before_the_handshake_are_not_believed(certificate: Path) -> None:
    """Bytes injected behind the answer to STARTTLS end the connection."""
    rule = Rule(at=At.STARTTLS, reply=b"220 go ahead\r\n250 AUTH PLAIN\r\n")
    plan = Plan(tls=server_context(certificate), rules=(rule,))
    with SmtpSink(plan) as sink, pytest.raises(SenderUnavailable, match="before the TLS"):
        send(sender_to(sink, "starttls", certificate))

    assert sink.messages == ()


def test_a_starttls_that_is_put_off_is_an_outage(certificate: Path) -> None:
    """454 passes by itself; the mail does not go in the clear meanwhile."""
    rule = Rule(at=At.STARTTLS, reply="454 4.7.0 not now")
    plan = Plan(tls=server_context(certificate), rules=(rule,))
    with SmtpSink(plan) as sink, pytest.raises(SenderUnavailable, match=r"454 4.7.0") as outage:
        send(sender_to(sink, "starttls", certificate))

    assert not isinstance(outage.value, SenderFault)
    assert sink.messages == ()


def test_a_plain_server_does_not_answer_a_handshake(certificate: Path) -> None:
    """Implicit TLS at a port that speaks SMTP first is an outage with a reason."""
    with SmtpSink() as sink, pytest.raises(SenderUnavailable):
        send(sender_to(sink, "implicit", certificate))

    assert sink.messages == ()


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_many_messages_are_pipelined_over_tls(certificate: Path, tls: str, run: Run) -> None:
    """Several connections carry everybody's mail once, short and long."""
    plan = Plan(tls=server_context(certificate), implicit_tls=tls == "implicit")
    with SmtpSink(plan) as sink:
        sender = sender_to(sink, tls, certificate, connections=3)
        for message in (MESSAGE, MESSAGE * 3):
            carry(sender, work_for(*readers(30), message=message), run)

    got = [(message.recipient, message.data) for message in sink.messages]
    assert sorted(got) == sorted(
        (reader, message) for reader in readers(30) for message in (MESSAGE, MESSAGE * 3)
    )


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_long_message_cut_off_under_tls_is_sent_again(
    certificate: Path, tls: str, run: Run
) -> None:
    """What was not even encrypted yet certainly did not leave."""
    plan = Plan(
        tls=server_context(certificate), implicit_tls=tls == "implicit", rules=(cut_in_body(1),)
    )
    with SmtpSink(plan) as sink:
        sender = sender_to(sink, tls, certificate)
        outcomes = carry(sender, work_for("ada@example.org", message=MESSAGE * 400), run)

    assert [type(outcome) for outcome in outcomes] == [Accepted]
    assert [got.connection for got in sink.messages] == [2]


def test_a_peer_that_hangs_up_in_the_handshake_is_an_outage(certificate: Path, run: Run) -> None:
    """A connection cut after STARTTLS is no mystery and no crash."""
    rule = Rule(at=At.STARTTLS, reply=b"220 2.0.0 go ahead\r\n", drop=True)
    plan = Plan(tls=server_context(certificate), rules=(rule,))
    with SmtpSink(plan) as sink, pytest.raises(SenderUnavailable, match="TLS cannot start"):
        send(sender_to(sink, "starttls", certificate), run)


def test_an_access_token_logs_in(certificate: Path) -> None:
    """XOAUTH2 is used when it is asked for, and never with a password by accident."""
    plan = Plan(
        tls=server_context(certificate), login=("ada", "token"), mechanisms=("PLAIN", "XOAUTH2")
    )
    with SmtpSink(plan) as sink:
        options = {"user": "ada", "password": "token", "auth": "xoauth2"}
        outcomes = send(sender_to(sink, "starttls", certificate, **options))

    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted]


def test_a_refused_access_token_is_a_fault_with_a_reason(certificate: Path) -> None:
    """The challenge that explains a refusal is answered, so that the 535 comes."""
    plan = Plan(tls=server_context(certificate), login=("ada", "token"), mechanisms=("XOAUTH2",))
    with SmtpSink(plan) as sink:
        options = {"user": "ada", "password": "expired", "auth": "xoauth2"}
        sender = sender_to(sink, "starttls", certificate, **options)
        with pytest.raises(SenderFault, match="535") as fault:
            send(sender)

    assert "expired" not in str(fault.value)


def test_a_password_is_not_shown_as_a_token(certificate: Path) -> None:
    """Where only XOAUTH2 is offered, `auto` stops and says so."""
    plan = Plan(tls=server_context(certificate), login=("ada", "token"), mechanisms=("XOAUTH2",))
    with SmtpSink(plan) as sink, pytest.raises(SenderFault, match="it offers XOAUTH2"):
        send(sender_to(sink, "starttls", certificate, user="ada", password="token"))


def dated_certificate(folder: Path, begins: int, ends: int) -> Path:
    """Write a certificate for 127.0.0.1, its own authority, valid from one year to another."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name.from_rfc4514_string("CN=sink")
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(begins, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(ends, 1, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(made.public_bytes(Encoding.PEM))
    file.with_name("key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return file


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize(
    ("years", "reason"),
    [((2020, 2021), "certificate has expired"), ((2400, 2401), "certificate is not yet valid")],
)
def test_a_certificate_out_of_its_time_gets_nothing(
    tmp_path: Path, tls: str, years: tuple[int, int], reason: str, run: Run
) -> None:
    """Expired or not valid yet, it is a fault that says so: no login, no mail, no blame."""
    certificate = dated_certificate(tmp_path, *years)
    plan = Plan(
        tls=server_context(certificate), implicit_tls=tls == "implicit", login=("ada", "secret")
    )
    work = work_for("ada@example.org", "bob@example.org", message=MESSAGE)
    with SmtpSink(plan) as sink, pytest.raises(SenderFault, match=reason):
        carry(sender_to(sink, tls, certificate, user="ada", password="secret"), work, run)

    assert sink.messages == ()
    assert work.results == [None, None]
    assert not work.started


def test_a_certificate_in_its_time_is_taken(tmp_path: Path) -> None:
    """The same certificate with other dates carries mail: nothing but the dates was wrong."""
    certificate = dated_certificate(tmp_path, 2020, 2400)
    with SmtpSink(Plan(tls=server_context(certificate))) as sink:
        outcomes = send(sender_to(sink, "starttls", certificate))

    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted]
