"""Debian's Dovecot as an instance of our own: IMAP on loopback over TLS, one mailbox."""

from __future__ import annotations

import os
import pwd
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.integration.machine import need, standing_in, wait_for

HOST: Final = "127.0.0.1"
USER: Final = "news@example.org"
PASSWORD: Final = 'pass "word" \\ ü'
ASCII_USER: Final = "ascii@example.org"  # the same mailbox
ASCII_PASSWORD: Final = 'pass "word" \\'

# The system's instance is never read: what is not set here is Dovecot's own default.
CONFIG: Final = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = {host}
default_internal_user = nobody
default_login_user = nobody
default_internal_group = nogroup
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{folder}/Maildir
ssl = required
ssl_cert = <{folder}/tls/server.pem
ssl_key = <{folder}/tls/server.key
auth_mechanisms = plain
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = {host}
    port = {plain_port}
  }}
  inet_listener imaps {{
    address = {host}
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dovecot:
    """A running instance."""

    folder: Path
    port: int  # implicit TLS
    plain_port: int  # STARTTLS

    @property
    def ca_file(self) -> Path:
        """The certificate of who signed the server's."""
        return self.folder / "tls" / "ca.pem"

    @property
    def maildir(self) -> Path:
        """Where its mail lies."""
        return self.folder / "Maildir"

    def deliver(self, *mails: bytes) -> None:
        """Put mail into INBOX, as a delivery agent does."""
        nobody = pwd.getpwnam("nobody")
        for raw in mails:
            name = f"{time.time_ns()}.test"
            file = self.maildir / "tmp" / name
            file.write_bytes(raw)
            _give(file, nobody)
            file.rename(self.maildir / "new" / name)

    def seen(self) -> list[bool]:
        """Return for each mail of INBOX whether it is marked as seen."""
        files = [*(self.maildir / "cur").iterdir(), *(self.maildir / "new").iterdir()]
        return ["S" in file.name.partition(":2,")[2] for file in files]

    def doveadm(self, *arguments: str) -> str:
        """Change or ask the mailbox as its administrator."""
        run = subprocess.run(
            [need("doveadm", "dovecot-imapd"), "-c", str(self.folder / "conf"), *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
        )
        return run.stdout


@contextmanager
def running_dovecot() -> Iterator[Dovecot]:
    """Start an instance with an empty mailbox; leave nothing of it behind.

    Skips the test where Dovecot is not installed or we are not root, and fails it in CI.
    """
    command = need("dovecot", "dovecot-imapd", root=True)
    openssl = need("openssl", "openssl")
    # pytest's own folder is closed to others, and the mailbox belongs to another.
    with tempfile.TemporaryDirectory(prefix="broadsheet-dovecot-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        instance = Dovecot(folder=folder, port=_free_port(), plain_port=_free_port())
        _furnish(instance)
        certify(folder / "tls", openssl)
        server = subprocess.Popen([command, "-F", "-c", str(folder / "conf")], cwd=folder)
        try:
            wait_for(lambda: _answers(instance), "Dovecot answers")
            yield instance
        finally:
            server.terminate()
            server.wait(timeout=60)
            wait_for(lambda: not standing_in(folder), "Dovecot is gone")


def certify(folder: Path, openssl: str) -> None:
    """Make an authority, and let it sign a certificate for HOST."""
    folder.mkdir(exist_ok=True)
    new = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    new += ["-nodes", "-days", "2"]
    ca = ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority.example.net"]
    server = ["-keyout", "server.key", "-out", "server.pem", "-subj", "/CN=mail.example.net"]
    server += ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", f"subjectAltName=IP:{HOST}"]
    server += ["-addext", "basicConstraints=critical,CA:FALSE"]
    for options in (ca, server):
        subprocess.run([*new, *options], cwd=folder, check=True, capture_output=True)


def _furnish(instance: Dovecot) -> None:
    nobody = pwd.getpwnam("nobody")
    for path in ("run", "state", "home", "tls", "Maildir"):
        (instance.folder / path).mkdir()
    for path in ("tmp", "new", "cur"):
        (instance.maildir / path).mkdir()
    for owned in (instance.folder / "home", instance.maildir, *instance.maildir.iterdir()):
        _give(owned, nobody)
    people = {USER: PASSWORD, ASCII_USER: ASCII_PASSWORD}
    (instance.folder / "users").write_text(
        "".join(f"{user}:{{PLAIN}}{password}\n" for user, password in people.items()),
        encoding="utf-8",
    )
    settings = CONFIG.format(
        folder=instance.folder,
        host=HOST,
        port=instance.port,
        plain_port=instance.plain_port,
        uid=nobody.pw_uid,
        gid=nobody.pw_gid,
    )
    (instance.folder / "conf").write_text(settings)


def _give(path: Path, person: pwd.struct_passwd) -> None:
    os.chown(path, person.pw_uid, person.pw_gid)


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as door:
        port: int = door.getsockname()[1]
        return port


def _answers(instance: Dovecot) -> bool:
    context = ssl.create_default_context(cafile=instance.ca_file)
    try:
        with (
            socket.create_connection((HOST, instance.port), timeout=1) as line,
            context.wrap_socket(line, server_hostname=HOST) as safe,
        ):
            return safe.recv(100).startswith(b"* OK")
    except OSError:
        return False
