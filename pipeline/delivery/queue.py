"""The deliveries known to wait, and those somebody works on: what may leave next."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable
from typing import Final

from pipeline.delivery.throttle import Throttle
from pipeline.model.delivery import Claim, DeliveryId

MOST_RETURNS: Final = 3  # how often a message may come back in one run before it has to wait
LOW: Final = 2000  # claims; with fewer, more are read: a commit to a slow disk must not starve us
MOST_PARKED: Final = 5000  # claims of slowed-down domains kept in memory


class Queue:
    """Claims in the order they leave; those of a domain that has to wait stand aside."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._waiting: deque[Claim] = deque()
        self._parked: dict[str, deque[Claim]] = {}  # by domain
        self._returns: Counter[DeliveryId] = Counter()
        self.busy: set[DeliveryId] = set()  # known here, until their outcome is in the database

    def __len__(self) -> int:
        return len(self._waiting) + sum(map(len, self._parked.values()))

    @property
    def is_low(self) -> bool:
        """Whether more claims should be read; never while too many stand aside."""
        return len(self._waiting) < LOW and not self.is_crowded

    @property
    def is_crowded(self) -> bool:
        """Whether so many stand aside that no more are read until some left."""
        return sum(map(len, self._parked.values())) >= MOST_PARKED

    def add(self, claims: Iterable[Claim]) -> int:
        """Add claims nobody here works on yet; return how many these were."""
        new = [claim for claim in claims if claim.delivery not in self.busy]
        self.busy.update(claim.delivery for claim in new)
        self._waiting.extend(new)
        return len(new)

    def next(self, relay: str, now: float) -> Claim | None:
        """Take the first claim that `relay` may carry now, together with its tokens."""
        if self._throttle.relay_wait(relay, now) > 0:
            return None
        for domain in tuple(self._parked):
            if not self._throttle.wait(relay, domain, now):
                return self._unpark(domain)
        while self._waiting:
            claim = self._waiting.popleft()
            domain = claim.address.rpartition("@")[2].lower()
            if domain not in self._parked and not self._throttle.wait(relay, domain, now):
                return claim
            self._parked.setdefault(domain, deque()).append(claim)
            if len(self._parked[domain]) >= MOST_PARKED:
                break
        return None

    def wait(self, relay: str, now: float) -> float | None:
        """Return in how many seconds `next` is worth a call; None: nothing waits."""
        wait = self._throttle.relay_wait(relay, now)
        if self._waiting:
            return wait
        if not self._parked:
            return None
        return max(wait, min(self._throttle.domain_wait(domain, now) for domain in self._parked))

    def give_back(self, claim: Claim, relay: str, now: float) -> bool:
        """Let a claim be the next again; False: it came back so often that it has to wait."""
        self._throttle.give_back(relay, claim.address.rpartition("@")[2].lower(), now)
        self._returns[claim.delivery] += 1
        if self._returns[claim.delivery] > MOST_RETURNS:
            return False
        self._waiting.appendleft(claim)
        return True

    def forget(self, claim: Claim, relay: str, now: float) -> None:
        """Let a claim that was taken go: its reader left."""
        self._throttle.give_back(relay, claim.address.rpartition("@")[2].lower(), now)
        self.stored((claim.delivery,))

    def stored(self, deliveries: Iterable[DeliveryId]) -> None:
        """Forget deliveries: the database knows what became of them."""
        for delivery in deliveries:
            self.busy.discard(delivery)
            if self._returns:
                self._returns.pop(delivery, None)

    def known(self) -> tuple[DeliveryId, ...]:
        """Return whose claims wait."""
        parked = (claim for claims in self._parked.values() for claim in claims)
        return tuple(claim.delivery for claim in (*self._waiting, *parked))

    def keep(self, wanted: Collection[DeliveryId]) -> None:
        """Drop the claims of everybody else; they are as the database has them."""
        self.stored(set(self.known()).difference(wanted))
        self._waiting = deque(claim for claim in self._waiting if claim.delivery in wanted)
        kept = {
            domain: deque(claim for claim in claims if claim.delivery in wanted)
            for domain, claims in self._parked.items()
        }
        self._parked = {domain: claims for domain, claims in kept.items() if claims}

    def _unpark(self, domain: str) -> Claim:
        claims = self._parked[domain]
        claim = claims.popleft()
        if not claims:
            del self._parked[domain]
        return claim
