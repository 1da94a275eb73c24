"""What every sender promises; subclass it under the name Test... and name yours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final
from unittest import SkipTest

from pipeline.errors import SenderUnavailable
from pipeline.model.delivery import Accepted, Envelope, Refused
from pipeline.model.ports import Sender, StreamingSender
from pipeline.testing.carrying import carry

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
    def sender(self) -> Sender | StreamingSender:
        """Return the sender under test, which must reach nobody."""

    def received(self) -> tuple[bytes, ...]:
        """Return the messages that arrived so far, in order."""
        raise SkipTest("this sender cannot be looked into")

    def refused_recipient(self) -> str:
        """Return an address that the other end refuses."""
        raise SkipTest("the other end refuses nobody")

    def dead_sender(self) -> Sender | StreamingSender:
        """Return a sender of the same kind whose way out is closed."""
        raise SkipTest("this way out is never closed")

    def test_many_messages_go_in_one_go(self) -> None:
        """Each gets its own outcome."""
        outcomes = carry(self.sender(), [letter(number) for number in range(3)])

        assert [type(outcome) for outcome in outcomes] == [Accepted] * 3

    def test_there_may_be_nothing_to_carry(self) -> None:
        """The last delivery may have been settled while we connected."""
        assert carry(self.sender(), []) == []

    def test_a_sender_is_used_again_and_again(self) -> None:
        """One run follows another."""
        sender = self.sender()
        for number in range(2):
            (outcome,) = carry(sender, [letter(number)])
            assert isinstance(outcome, Accepted)

    def test_an_acceptance_has_a_code_and_words(self) -> None:
        """Whoever asks later what the server said can be told."""
        (outcome,) = carry(self.sender(), [letter(1)])

        assert isinstance(outcome, Accepted)
        assert 200 <= outcome.code < 300
        assert outcome.reply

    def test_bytes_arrive_as_they_were(self) -> None:
        """Dots, empty lines and long bodies arrive; only a missing last line end is added."""
        messages = tuple(message(number, body) for number, body in enumerate(BODIES))
        envelope = Envelope(FROM, "r@example.org")
        outcomes = carry(self.sender(), [(envelope, sent) for sent in messages])

        assert [type(outcome) for outcome in outcomes] == [Accepted] * len(messages)
        assert sorted(ended(got) for got in self.received()) == sorted(map(ended, messages))

    def test_a_refused_recipient_does_not_end_the_session(self) -> None:
        """One bad address costs one delivery, and nothing arrives there."""
        refused = letter(2, recipient=self.refused_recipient())
        outcomes = carry(self.sender(), [letter(1), refused, letter(3)])

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
            outcomes = carry(self.sender(), [letter(1, recipient=address), letter(2)])
            assert [type(outcome) for outcome in outcomes] == [Refused, Accepted], address

    def test_a_closed_way_out_is_an_exception(self) -> None:
        """Nobody is blamed for an outage, and nothing is in hand after it."""
        try:
            carry(self.dead_sender(), [letter(1)])
        except SenderUnavailable as outage:
            assert str(outage)  # noqa: PT017 - plug-in authors may use another runner
        else:
            raise AssertionError("the way out is closed, yet nobody was told")


def letter(number: int, *, recipient: str = "reader@example.org") -> tuple[Envelope, bytes]:
    """Return a small message of its own, and its envelope."""
    return Envelope(FROM, recipient), message(number)


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
