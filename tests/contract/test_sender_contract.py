from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.model.ports import Sender, StreamingSender
from pipeline.senders import console, eml, smtp
from pipeline.senders.console import Console
from pipeline.testing.plan import Plan, refuse
from pipeline.testing.sender_contract import SenderContract
from pipeline.testing.sink import SmtpSink


class TestSmtp(SenderContract):
    """SMTP keeps the promises of senders, against a server on loopback."""

    @pytest.fixture(autouse=True)
    def _sink(self) -> Iterator[None]:
        with SmtpSink(Plan(rules=(refuse("nobody@*"),))) as self.sink:
            yield

    def sender(self) -> StreamingSender:
        """Return the sender under test."""
        return smtp.build({"host": self.sink.host, "port": self.sink.port})

    def received(self) -> tuple[bytes, ...]:
        """Return what arrived."""
        return tuple(message.data for message in self.sink.messages)

    def refused_recipient(self) -> str:
        """Return an address that the sink refuses."""
        return "nobody@example.org"

    def dead_sender(self) -> StreamingSender:
        """Return a sender whose port was just given back to the kernel."""
        with SmtpSink() as gone:
            return smtp.build({"host": gone.host, "port": gone.port})


class TestEml(SenderContract):
    """The folder keeps the promises of senders."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "mail"

    def sender(self) -> Sender:
        """Return the sender under test."""
        return eml.build({"folder": str(self.folder)})

    def received(self) -> tuple[bytes, ...]:
        """Return what is in the folder; nothing else is."""
        return tuple(file.read_bytes() for file in self.folder.iterdir())

    def refused_recipient(self) -> str:
        """Return what is no address."""
        return "nobody"

    def dead_sender(self) -> Sender:
        """Return a sender whose folder is a file."""
        self.folder.write_bytes(b"")
        return self.sender()


class TestConsole(SenderContract):
    """The console keeps the promises of senders."""

    def sender(self) -> Sender:
        """Return the sender under test."""
        return console.build({})

    def dead_sender(self) -> Sender:
        """Return a sender whose stream is closed."""
        stream = io.StringIO()
        stream.close()
        return Console(stream)
