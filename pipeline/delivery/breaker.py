"""Notices that a refusal is about us: everybody says the same."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pipeline.errors import ConfigError, SenderUnavailable
from pipeline.model.delivery import Accepted, Outcome, Refused, Settled

THRESHOLD: Final = 5  # equal refusals in a row

_ENHANCED = re.compile(r"5\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")
# Addressing and mailbox status (RFC 3463 3.2, 3.3), and a local part we cannot write (RFC 6531):
# an old audience has many of these in a row, and each is about its own recipient.
_THEIR_OWN = re.compile(r"5\.[12]\.[0-9]+|5\.6\.7")
_NO_MAILBOX = re.compile(
    r"(user|mailbox|recipient|address|account)\b.*\b"
    r"(unknown|unavailable|not found|not exist|invalid|disabled|inactive|full)"
    r"|(no such|unknown|invalid) (user|mailbox|recipient|address|person)",
    re.IGNORECASE,
)


class EverybodyRefused(SenderUnavailable, ConfigError):
    """Recipients in a row were refused with the same words: the issue or the sender is meant."""

    exit_code = ConfigError.exit_code

    def __init__(self, refusal: Refused, times: int) -> None:
        self.refusal, self.times = refusal, times
        words = f"{refusal.code} {refusal.reply}"
        who = f"{times} recipients in a row were" if times > 1 else "the only one tried was"
        super().__init__(f"{who} refused, so nobody is to blame: {words}")


class Breaker(Struct, frozen=True):
    """A run of equal refusals, and whose attempts they were."""

    signature: str = ""
    run: tuple[Settled, ...] = ()  # oldest first
    refusal: Refused | None = None  # the last of the run

    @property
    def tripped(self) -> bool:
        """Whether the run is too long to be a coincidence."""
        return len(self.run) >= THRESHOLD

    @property
    def suspects_us(self) -> bool:
        """Whether it last saw policy refusals, which are about us if nobody was accepted."""
        return self.signature.partition(" ")[2].startswith("5.7.")

    def observe(self, settled: Settled, outcome: Outcome) -> Breaker:
        """Return the breaker after one more outcome.

        An acceptance ends a run. What says nothing about us, such as an unknown mailbox, a
        deferral or silence, neither ends nor prolongs it.

        Pure: no clock, no storage.
        """
        match outcome:
            case Accepted():
                return Breaker()
            case Refused(code, reply) as outcome if not _is_their_own(reply):
                signature = f"{code} {_gist(reply)}"
                if signature == self.signature:
                    return replace(self, run=(*self.run, settled), refusal=outcome)
                return Breaker(signature, (settled,), outcome)
            case _:
                return self


def _is_their_own(reply: str) -> bool:
    enhanced = _ENHANCED.match(reply)
    if enhanced:
        return bool(_THEIR_OWN.fullmatch(enhanced.group()))
    return bool(_NO_MAILBOX.search(reply))


def _gist(reply: str) -> str:
    """Return the enhanced code, or the words of a reply without its addresses and queue ids."""
    enhanced = _ENHANCED.match(reply)
    if enhanced:
        return enhanced.group()
    return " ".join(word for word in reply.lower().split() if word.isalpha())
