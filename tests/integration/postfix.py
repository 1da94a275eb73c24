"""Debian's Postfix as an instance of our own: loopback, its own folders, every reader local."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.integration.machine import need, standing_in, wait_for

HOST: Final = "127.0.0.1"
READERS_AT: Final = "example.org"

# The system's instance is never read: what is not set here is Postfix's own default.
MAIN: Final = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}/log
myhostname = postfix.example.net
mydestination =
inet_interfaces = {host}
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_tls_security_level = may
smtpd_tls_cert_file = {folder}/tls/server.pem
smtpd_tls_key_file = {folder}/tls/server.key
# Otherwise it slows clients down whenever mail comes in faster than it is delivered.
in_flow_delay = 0
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:readers/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_alias_maps =
alias_maps =
alias_database =
"""
# No service is in a chroot: ours would have to be furnished first.
MASTER: Final = """\
{host}:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Postfix:
    """A running instance."""

    folder: Path
    port: int
    host: str = HOST

    @property
    def ca_file(self) -> Path:
        """The certificate of who signed the server's."""
        return self.folder / "tls" / "ca.pem"

    @property
    def log(self) -> str:
        """Everything it has said so far."""
        file = self.folder / "log" / "mail.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def delivered(self) -> tuple[Path, ...]:
        """Return the files of the messages in the mailbox of all readers."""
        mailbox = self.folder / "mail" / "readers" / "new"
        return tuple(mailbox.iterdir()) if mailbox.exists() else ()


@contextmanager
def running_postfix() -> Iterator[Postfix]:
    """Start an instance that delivers whatever is for READERS_AT; leave nothing of it behind.

    Skips the test where Postfix is not installed or we are not root, and fails it in CI.
    """
    command = need("postfix", "postfix", root=True)
    openssl = need("openssl", "openssl")
    # pytest's own folder is closed to others, and most of Postfix runs as others.
    with tempfile.TemporaryDirectory(prefix="broadsheet-postfix-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        port = _free_port()
        _furnish(folder, port)
        _certify(folder / "tls", openssl)
        instance = Postfix(folder=folder, port=port)
        control = [command, "-c", str(folder / "etc")]
        subprocess.run([*control, "start"], check=True, capture_output=True, timeout=60)
        try:
            wait_for(lambda: _answers(port), "Postfix answers")
            yield instance
        finally:
            subprocess.run([*control, "stop"], check=False, capture_output=True, timeout=60)
            wait_for(lambda: not standing_in(folder), "Postfix is gone")


def _furnish(folder: Path, port: int) -> None:
    nobody, owner = pwd.getpwnam("nobody"), pwd.getpwnam("postfix")
    for name in ("etc", "queue", "data", "log", "tls", "mail"):
        (folder / name).mkdir()
    for name, person in (("data", owner), ("mail", nobody)):
        os.chown(folder / name, person.pw_uid, person.pw_gid)
    settings = MAIN.format(
        folder=folder, host=HOST, domain=READERS_AT, uid=nobody.pw_uid, gid=nobody.pw_gid
    )
    (folder / "etc" / "main.cf").write_text(settings)
    (folder / "etc" / "master.cf").write_text(MASTER.format(host=HOST, port=port))


def _certify(folder: Path, openssl: str) -> None:
    """Make an authority, and let it sign a certificate for HOST."""
    new = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    new += ["-nodes", "-days", "2"]
    ca = ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority.example.net"]
    server = ["-keyout", "server.key", "-out", "server.pem", "-subj", "/CN=postfix.example.net"]
    server += ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", f"subjectAltName=IP:{HOST}"]
    server += ["-addext", "basicConstraints=critical,CA:FALSE"]
    for options in (ca, server):
        subprocess.run([*new, *options], cwd=folder, check=True, capture_output=True)


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as door:
        port: int = door.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1) as line:
            return line.recv(100).startswith(b"220")
    except OSError:
        return False
