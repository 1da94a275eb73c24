"""D8: leaving with one click, really done on the running site to a person made for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from pipeline.doctor.configuration import LOOPBACK
from pipeline.doctor.probing import Answer, Site, Walk
from pipeline.doctor.rule import Family, Finding, Level, NotChecked, Rule, Said

SLOW: Final = 5.0  # seconds; providers give up after some more
MISDIRECTED: Final = {400, 421}  # RFC 9110 15.5.20
NOT_FOUND: Final = 404


def answers(site: Site) -> Iterator[Finding]:
    """D801: an outage is a finding; see `Family.examine`."""
    status = site.reach().status
    if status != 200:
        yield Finding(f"{site.url}/healthz answers {status}")


def encrypted(site: Site) -> Iterator[Said]:
    """D802: certificates were verified on the way."""
    parts = urlsplit(site.url)
    if parts.scheme != "https" and parts.hostname in LOOPBACK:
        yield NotChecked(f"{site.url} is on this machine; name the public address with --url")
    elif parts.scheme != "https":
        yield Finding(f"{site.url} is not encrypted")


def reading(walk: Walk) -> Iterator[Finding]:
    """D803."""
    if walk.reading.changed:
        yield Finding(f"{len(walk.reading.answers)} requests that only read changed something")
    first = walk.reading.answers[0]
    if first.status != 200:
        yield Finding(f"the link in a mail answers {first.status}")


def urlencoded(walk: Walk) -> Iterator[Finding]:
    """D804."""
    yield from _left(walk.urlencoded.answers, still=walk.urlencoded.after.active)


def multipart(walk: Walk) -> Iterator[Finding]:
    """D805."""
    yield from _left(walk.multipart.answers, still=walk.multipart.after.active)


def no_redirect(walk: Walk) -> Iterator[Finding]:
    """D806."""
    for answer in walk.posts:
        if answer.status // 100 == 3 or answer.header("location"):
            yield Finding(f"{answer.asked} leads on to {answer.header('location') or 'nowhere'}")


def no_cookie(walk: Walk) -> Iterator[Finding]:
    """D807."""
    for answer in dict.fromkeys(
        answer.asked for step in walk.steps for answer in step.answers if _sets_cookie(answer)
    ):
        yield Finding(f"the answer to {answer} sets a cookie")


def again(walk: Walk) -> Iterator[Finding]:
    """D808."""
    for answer in walk.again.answers:
        if answer.status != 200:
            yield Finding(f"the second request answers {answer.status}")
    if walk.again.changed:
        yield Finding("the second request changed something")


def forged(walk: Walk) -> Iterator[Finding]:
    """D809."""
    for answer in walk.forged.answers:
        if answer.status != NOT_FOUND:
            yield Finding(f"a forged token is answered with {answer.status}")
    if walk.forged.changed:
        yield Finding("a forged token changed something")


def foreign_host(walk: Walk) -> Iterator[Finding]:
    """D810."""
    for answer in walk.foreign.answers:
        if answer.status not in MISDIRECTED:
            yield Finding(f"a request under another name is answered with {answer.status}")


def in_time(walk: Walk) -> Iterator[Finding]:
    """D811."""
    slowest = max(walk.posts, key=lambda answer: answer.seconds)
    if slowest.seconds > SLOW:
        yield Finding(f"{slowest.asked} took {slowest.seconds:.1f} s")


def _left(answered: tuple[Answer, ...], *, still: bool) -> Iterator[Finding]:
    for answer in answered:
        if answer.status != 200:
            yield Finding(f"{answer.asked} is answered with {answer.status}")
    if still:
        yield Finding("the person is subscribed as before")


def _sets_cookie(answer: Answer) -> bool:
    return bool(answer.header("set-cookie"))


_PROXY: Final = "look at what stands before `broadsheet serve`: it must pass /u/ on unchanged"
_DEFECT: Final = "run the newest Broadsheet; if it does, report this as a defect"

REACH: Final = Family(
    name="site",
    about="Whether the site can be reached at all; with --url.",
    rules=(
        Rule(
            code="D801",
            title="The site answers",
            level=Level.PROVIDER,
            source="Gmail sender guidelines: one-click unsubscribing must work",
            remedy="start `broadsheet serve`, or name the address it is reached at with --url",
            check=answers,
        ),
        Rule(
            code="D802",
            title="The site is reached over https, with a certificate that holds",
            level=Level.MUST,
            source="RFC 8058 3.1",
            remedy="put a web server with TLS before `broadsheet serve`",
            check=encrypted,
        ),
    ),
)

ONE_CLICK: Final = Family(
    name="one-click",
    about="A person made for it is unsubscribed over HTTP, and deleted again; with --url.",
    rules=(
        Rule(
            code="D803",
            title="GET, HEAD and OPTIONS change nothing, whatever a scanner sends along",
            level=Level.MUST,
            source="RFC 9110 9.2.1; RFC 8058 1",
            remedy=_DEFECT,
            check=reading,
        ),
        Rule(
            code="D804",
            title="A POST in the form of a web form unsubscribes and is answered with 200",
            level=Level.MUST,
            source="RFC 8058 3.2",
            remedy=_PROXY,
            check=urlencoded,
        ),
        Rule(
            code="D805",
            title="A POST as multipart/form-data unsubscribes and is answered with 200",
            level=Level.MUST,
            source="RFC 8058 3.2",
            remedy=_PROXY,
            check=multipart,
        ),
        Rule(
            code="D806",
            title="The answer to a one-click POST is no redirect",
            level=Level.MUST,
            source="RFC 8058 3.1",
            remedy=_PROXY,
            check=no_redirect,
        ),
        Rule(
            code="D807",
            title="No answer sets a cookie",
            level=Level.MUST,
            source="RFC 8058 3.1",
            remedy=_PROXY,
            check=no_cookie,
        ),
        Rule(
            code="D808",
            title="A one-click POST sent again is answered with 200 and changes nothing",
            level=Level.SHOULD,
            source="RFC 9110 9.2.2: providers ask again",
            remedy=_DEFECT,
            check=again,
        ),
        Rule(
            code="D809",
            title="A forged token is answered with 404 and changes nothing",
            level=Level.MUST,
            source="RFC 8058 3.1, 6",
            remedy=_DEFECT,
            check=forged,
        ),
        Rule(
            code="D810",
            title="A request under another host's name is refused",
            level=Level.MUST,
            source="RFC 9110 7.4, 15.5.20",
            remedy="pass the Host header on unchanged, and do not serve other names",
            check=foreign_host,
        ),
        Rule(
            code="D811",
            title="One-click requests are answered within 5 seconds",
            level=Level.SHOULD,
            source="Yahoo sender guidelines",
            remedy="look for what keeps the database busy, such as an import without pauses",
            check=in_time,
        ),
    ),
)
