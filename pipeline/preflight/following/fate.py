"""What becomes of links that are followed to their end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from enum import Enum, auto
from threading import BoundedSemaphore
from time import monotonic
from typing import Final
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from pipeline.preflight.following.door import Answer, Door, NoSuchSite, Refused, Unreachable

HOPS: Final = 5
PATIENCE_S: Final = 30.0  # with a link, over all its redirections
AT_ONCE: Final = 8
AT_ONCE_EACH: Final = 2  # to one host
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_FOR_GOOD: Final = frozenset({301, 308})  # RFC 9110 15.4
_GONE: Final = frozenset({404, 410})


class Kind(Enum):
    """How it ended."""

    THERE = auto()
    MOVED = auto()  # for good; the page is there
    DEAD = auto()
    UNSURE = auto()  # the site may answer a browser, or later
    REFUSED = auto()  # a place where checks must not go


class Fate(Struct, frozen=True):
    """What became of one link."""

    kind: Kind
    words: str = ""  # why, or where it leads now


def follow(url: str, door: Door, *, clock: Callable[[], float] = monotonic) -> Fate:
    """Follow one link, over at most HOPS redirections; each is looked at like the first."""
    here, for_good = url.partition("#")[0], True
    moved = False
    over = clock() + PATIENCE_S

    def left() -> float:
        if (seconds := over - clock()) <= 0:
            raise Unreachable(f"it takes more than {PATIENCE_S:.0f} seconds")
        return seconds

    try:
        for _ in range(HOPS + 1):
            answer = _ask(here, door, left)
            if answer.status not in _MOVED or not answer.location:
                return _fate(answer.status, here if moved and for_good else "")
            moved, for_good = True, for_good and answer.status in _FOR_GOOD
            here = urljoin(here, answer.location).partition("#")[0]
    except Refused as error:
        return Fate(Kind.REFUSED, str(error))
    except NoSuchSite as error:
        return Fate(Kind.DEAD, str(error))
    except (Unreachable, ValueError) as error:
        return Fate(Kind.UNSURE, str(error))
    return Fate(Kind.REFUSED, f"it is redirected more than {HOPS} times")


def follow_all(
    urls: Collection[str], door: Door, *, progress: Callable[[str], None] = lambda _: None
) -> Mapping[str, Fate]:
    """Follow links, AT_ONCE at a time and AT_ONCE_EACH to a host.

    Args:
        urls: each followed once.
        door: what asks.
        progress: told of each link that is done, in the thread of the caller.
    """
    urls = dict.fromkeys(urls)
    turns = {host: BoundedSemaphore(AT_ONCE_EACH) for host in map(_host, urls)}

    def take_turn(url: str) -> Fate:
        with turns[_host(url)]:
            return follow(url, door)

    found: dict[str, Fate] = {}
    threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="links")
    try:
        waiting = {threads.submit(take_turn, url): url for url in _mixed(urls)}
        for done in as_completed(waiting):
            found[waiting[done]] = done.result()
            progress(waiting[done])
    finally:
        threads.shutdown(cancel_futures=True)
    return found


def _ask(url: str, door: Door, left: Callable[[], float]) -> Answer:
    """Ask with HEAD; who does not answer that well is asked with GET."""
    try:
        answer = door.ask("HEAD", url, within=left())
    except NoSuchSite:
        raise
    except Unreachable:
        return door.ask("GET", url, within=left())
    return answer if answer.status < 400 else door.ask("GET", url, within=left())


def _fate(status: int, moved_to: str) -> Fate:
    if status in _GONE:
        return Fate(Kind.DEAD, f"the site says {status}")
    if status >= 400 or status < 200:
        return Fate(Kind.UNSURE, f"the site says {status}")
    return Fate(Kind.MOVED, moved_to) if moved_to else Fate(Kind.THERE)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _mixed(urls: Collection[str]) -> Iterator[str]:
    """Yield one link of each host, then the second of each: no host keeps all threads waiting."""
    by_host: dict[str, list[str]] = {}
    for url in urls:
        by_host.setdefault(_host(url), []).append(url)
    for turn in range(max(map(len, by_host.values()), default=0)):
        yield from (each[turn] for each in by_host.values() if turn < len(each))
