"""What every sender promises; subclass it under the name Test... and name yours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final
from unittest import SkipTest

from pipeline.errors import SenderUnavailable
from pipeline.model.delivery import Accepted, Envelope, Outcome, Refused
from pipeline.model.ports import Sender, Session

FROM: Final = "bounces@news.example.org"
BODIES: Final = (
    b"one line\r\n",
    b".\r\n..\r\n.leading dots\r\n...\r\n",
    b"a line\r\n.\r\nQUIT\r\n",  # what would end the message if dots were left alone
    b"no final line end",
    b"=E2=82=AC\r\n\r\n\r\n",
    b"",
    b"0123456789 abcdef\r\n" * 20_000,  # more than one block
)


class SenderContract(ABC):
    """Needs nothing but `sender()`; the other methods let it look further."""

    @abstractmethod
    def sender(self) -> Sender:
        """Return the sender under test, which must reach nobody."""

    def received(self) -> tuple[bytes, ...]:
        """Return the messages that arrived so far, in order."""
        raise SkipTest("this sender cannot be looked into")

    def refused_recipient(self) -> str:
        """Return an address that the other end refuses."""
        raise SkipTest("the other end refuses nobody")

    def dead_sender(self) -> Sender:
        """Return a sender of the same kind whose way out is closed."""
        raise SkipTest("this way out is never closed")

    def test_one_session_carries_many_messages(self) -> None:
        """A dispatch does not connect for each recipient."""
        with self.sender().open() as session:
            outcomes = [send(session, number) for number in range(3)]

        assert [type(outcome) for outcome in outcomes] == [Accepted] * 3

    def test_a_session_may_carry_nothing(self) -> None:
        """The last delivery may have been settled while we connected."""
        with self.sender().open():
            pass

    def test_sessions_follow_one_another(self) -> None:
        """A sender is opened again and again."""
        sender = self.sender()
        for number in range(2):
            with sender.open() as session:
                assert isinstance(send(session, number), Accepted)

    def test_an_acceptance_has_a_code_and_words(self) -> None:
        """Whoever asks later what the server said can be told."""
        with self.sender().open() as session:
            outcome = send(session, 1)

        assert isinstance(outcome, Accepted)
        assert 200 <= outcome.code < 300
        assert outcome.reply

    def test_bytes_arrive_as_they_were(self) -> None:
        """Dots, empty lines and long bodies arrive; only a missing last line end is added."""
        messages = tuple(message(number, body) for number, body in enumerate(BODIES))
        with self.sender().open() as session:
            for sent in messages:
                assert isinstance(session.send(Envelope(FROM, "r@example.org"), sent), Accepted)

        assert sorted(ended(got) for got in self.received()) == sorted(map(ended, messages))

    def test_a_refused_recipient_does_not_end_the_session(self) -> None:
        """One bad address costs one delivery, and nothing arrives there."""
        with self.sender().open() as session:
            outcomes = [
                send(session, 1),
                send(session, 2, recipient=self.refused_recipient()),
                send(session, 3),
            ]

        assert [type(outcome) for outcome in outcomes] == [Accepted, Refused, Accepted]
        assert len(self.received()) == 2

    def test_an_address_that_is_two_commands_is_refused_alone(self) -> None:
        """A recipient with a line end or a bracket in it never gets out of its place."""
        for address in (
            "ada@example.org>\r\nRCPT TO:<eve@example.org",
            "ada@example.org\n",
            "ada@example.org, eve@example.org",
            "<ada@example.org>",
            "ada example@example.org",
            "ada\0@example.org",
            "",
        ):
            with self.sender().open() as session:
                assert isinstance(send(session, 1, recipient=address), Refused), address
                assert isinstance(send(session, 2), Accepted)

    def test_a_closed_way_out_is_an_exception(self) -> None:
        """Nobody is blamed for an outage, and it shows before the first message."""
        try:
            with self.dead_sender().open():
                raise AssertionError("the way out is closed, yet a session was opened")
        except SenderUnavailable as outage:
            assert str(outage)  # noqa: PT017 - plug-in authors may use another runner


def send(session: Session, number: int, *, recipient: str = "reader@example.org") -> Outcome:
    """Send a small message of its own."""
    return session.send(Envelope(FROM, recipient), message(number))


def message(number: int, body: bytes = b"Good morning.\r\n") -> bytes:
    """Return a message that differs from those of other numbers."""
    return b"Message-ID: <%d@news.example.org>\r\nSubject: No. %d\r\n\r\n%b" % (
        number,
        number,
        body,
    )


def ended(message: bytes) -> bytes:
    """Return a message with its last line ended, as mail carries it."""
    return message if message.endswith(b"\r\n") else message + b"\r\n"
