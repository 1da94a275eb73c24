"""When a relay says "too fast": how it says so, and what we learn from it."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

from pipeline.delivery.bucket import Pause
from pipeline.model.delivery import Deferred, Outcome

CUT: Final = 0.7  # what is left of a rate that was too fast
GROWTH: Final = 1.05  # a step back up
NEAR: Final = 0.9  # of the rate that was too fast: steps are slow from here on
QUIET_S: Final = 10.0  # between slow steps
SOON_S: Final = 1.0  # between quick ones
SHORTEST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 5.0
PAUSE_GROWTH: Final = 1.2
# Messages a second, unless less is configured: an hour of push-backs is not the end of a relay.
SLOWEST: Final = 0.1


class Pushback(Enum):
    """What a relay wants of us."""

    SLOWER = auto()
    QUOTA = auto()  # enough for today


_ALWAYS: Final = {421, 454}  # closing (RFC 5321 3.8); throttled, as Amazon SES says it
_IF_SAID: Final = {450, 451, 452}
_ENHANCED = re.compile(r"4\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")
# "Not accepting messages", "congestion" (RFC 3463 3.4, 3.5), and Gmail's "unusual rate".
_SLOWER_CODES: Final = {"4.3.2", "4.4.5", "4.7.28"}
# An address or a mailbox: full, or too popular, but not ours (RFC 3463 3.2, 3.3).
_THEIR_CODE = re.compile(r"4\.[12]\.")
_THEIR_OWN = re.compile(
    r"\b(mailbox|inbox|maildrop|disk|storage)\b.*\b(full|quota|limit|size|space|exceed\w*)\b"
    r"|\b(quota|limit)\b.*\b(mailbox|inbox|maildrop|disk)\b"
    r"|\b(user|recipient|account)\b.{0,60}\b(is|has) (over|exceeded) (\w+ )?quota\b"
    r"|\b(user|recipient) over quota\b",
    re.IGNORECASE,
)
_GREYLISTED = re.compile(r"\bgr[ae]y[- ]?list", re.IGNORECASE)
_TOO_FAST = re.compile(
    r"\brates?\b|\brate-?limit|\bthrottl|\bquotas?\b|\btoo (many|much|fast|quickly)\b"
    r"|\blimit(s|ed|ing)?\b|\bdaily\b|\bslow down\b",
    re.IGNORECASE,
)
# With 421 it is about one connection, or their number, which the sender learns by itself.
_PER_CONNECTION = re.compile(
    r"\btoo many (messages|mails|connections|sessions|recipients)\b", re.IGNORECASE
)
_ENOUGH = re.compile(r"\bquotas?\b|\bdaily\b|\bper[- ]day\b|\b24[- ]?hours?\b", re.IGNORECASE)
_SHORT_TERM = re.compile(r"\bper[- ](second|minute)\b", re.IGNORECASE)


def pushback(outcome: Outcome) -> Pushback | None:
    """Return what an outcome says about our speed; None: nothing.

    Greylisting and full mailboxes say nothing: they are about one recipient.

    Pure: no clock, no state.
    """
    if not isinstance(outcome, Deferred):
        return None
    words = outcome.reply
    if outcome.code == 421 and _PER_CONNECTION.search(words):
        return None
    theirs = bool(_THEIR_CODE.match(words) or _THEIR_OWN.search(words))
    if outcome.code not in _ALWAYS:
        if theirs or _GREYLISTED.search(words):
            return None
        enhanced = _ENHANCED.match(words)
        if not (enhanced and enhanced.group() in _SLOWER_CODES) and not (
            outcome.code in _IF_SAID and _TOO_FAST.search(words)
        ):
            return None
    if _ENOUGH.search(words) and not theirs and not _SHORT_TERM.search(words):
        return Pushback.QUOTA
    return Pushback.SLOWER


class LearnedRate:
    """The rate a relay taught us: down at once, up in small steps while it is used in peace."""

    __slots__ = ("_grows_at", "_in_a_row", "_refused_at", "_top", "pause", "proven", "rate")

    def __init__(self) -> None:
        self.rate: float | None = None  # messages a second; None: it never complained
        self.pause = Pause(LONGEST_PAUSE_S)
        self.proven = True  # something was accepted since the last cut
        self._refused_at = 0.0  # the rate that was too fast last time
        self._top = 0.0  # beyond this rate there is nothing left to learn
        self._grows_at = 0.0
        self._in_a_row = 0

    @property
    def facts(self) -> dict[str, float]:
        """Return what is worth remembering; see `recall`."""
        if self.rate is None:
            return {}
        return {"rate": self.rate, "refused_at": self._refused_at, "top": self._top}

    def recall(self, rate: float, refused_at: float, top: float) -> None:
        """Go on from remembered facts, all in messages a second and above 0."""
        if rate <= top:
            self.rate, self._refused_at, self._top = rate, refused_at, top

    def slow_down(self, used: float, top: float, now: float) -> None:
        """Take in that the relay pushed back.

        What comes during the pause was sent before it, and counts no more. A relay that took
        nothing since the last cut takes nothing at any rate: we wait, and cut no deeper.

        Args:
            used: messages a second at which it was used, if it never complained before.
            top: a rate grown beyond this one is forgotten.
            now: seconds since 1970.
        """
        if self.pause.left(now):
            return
        if self.proven:
            self._top = self._top if self.rate else top
            self._refused_at = self.rate or used
            self.rate = max(self._refused_at * CUT, min(self._refused_at, SLOWEST))
            self.proven = False
        again = now - self.pause.until < QUIET_S
        self._in_a_row = self._in_a_row + 1 if again else 0
        # The exponent is bounded: a float is not.
        pause_s = SHORTEST_PAUSE_S * PAUSE_GROWTH ** min(self._in_a_row, 10)
        self.pause.until = now + min(pause_s, LONGEST_PAUSE_S)
        self._grows_at = self.pause.until + self._step_s()

    def speed_up(self, now: float) -> bool:
        """Take a step if it is time for one; tell whether the rate changed.

        A long silence is one step too: not to be used proves nothing.
        """
        if self.rate is None:
            return False
        if now < self._grows_at:
            if self._grows_at - now > LONGEST_PAUSE_S + QUIET_S:  # the clock jumped back
                self._grows_at = now + QUIET_S
            return False
        self.rate *= GROWTH
        if self.rate > self._top:
            self.rate, self.proven = None, True
            return True
        self._grows_at = now + self._step_s()
        return True

    def _step_s(self) -> float:
        quick = self.rate is not None and self.rate * GROWTH <= self._refused_at * NEAR
        return SOON_S if quick else QUIET_S
