"""Every public page with made-up words in it, as a browser and a test of its look want it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request

from pipeline.model.audience import MailingList
from pipeline.model.newsletter import Newsletter
from pipeline.operations.confirm import ConfirmView
from pipeline.operations.mailed_link import LinkView
from pipeline.operations.prefer import Choice, PreferencesView, Preferred
from pipeline.operations.unsubscribe import UnsubscribeView
from pipeline.storage.standing import Confirmed
from pipeline.web.language import LANGUAGES
from pipeline.web.pages import Pages
from pipeline.web.zones import zones

NEWSLETTER: Final = Newsletter(
    name="The Harbour Letter",
    tagline="Boats, tides and the people who mind them",
    postal_address="Net Loft\nPort Example",
)
LISTS: Final = (
    MailingList(description="Every Thursday: what moved, what sank, what to look out for"),
    MailingList(name="tides", title="Tide Tables", description="Once a month, one page"),
)
ADDRESS: Final = "r…@example.org"


@dataclass(frozen=True)
class Sample:
    """A page and what stands in it."""

    template: str
    words: Mapping[str, Any]
    status: int = 200
    method: str = "GET"


def _form(**words: Any) -> dict[str, Any]:
    blank = {"problem": "", "address": "", "name": "", "lists": LISTS, "chosen": ("main",)}
    return {**blank, "shown": "stamp", "wording": "", **words}


def _leaving(**words: Any) -> dict[str, Any]:
    view = {
        "address": ADDRESS,
        "list": NEWSLETTER.name,
        "subscribed": False,
        "elsewhere": True,
        "undoable": True,
        "language": None,
    }
    return {"view": UnsubscribeView(**{**view, **words}), "token": "T" * 32, "everything": False}


def _choosing(paused_until: datetime | None = None) -> dict[str, Any]:
    view = PreferencesView(
        address=ADDRESS,
        choices=tuple(
            Choice(
                name=one.name,
                title=one.title or NEWSLETTER.name,
                description=one.description,
                on=one.name == "main",
            )
            for one in LISTS
        ),
        paused_until=paused_until,
        name="Robin Reader",
        language="fr",
        zone="Europe/Paris",
    )
    return {"view": view, "token": "T" * 32, "without_end": False, "zones": zones()}


_CONFIRM: Final = ConfirmView(
    address=ADDRESS,
    lists=(NEWSLETTER.name,),
    answer=Confirmed.CONFIRMED,
    blocked=False,
    language=None,
)
_MAILED_LINK: Final = LinkView(address=ADDRESS, expired=False, language=None)

SAMPLES: Final[Mapping[str, Sample]] = {
    "subscribe": Sample("subscribe", _form()),
    "subscribe-again": Sample(
        "subscribe", _form(problem="again", address="robin@example.org"), method="POST"
    ),
    "subscribe-address": Sample(
        "subscribe", _form(problem="address", address="robin@"), 400, "POST"
    ),
    "subscribe-lists": Sample("subscribe", _form(problem="lists", chosen=()), 400, "POST"),
    "asked": Sample("asked", {}, method="POST"),
    "embed": Sample("embed", {}),
    "confirm": Sample("confirm", {"view": _CONFIRM}),
    "confirmed": Sample("confirmed", {}, method="POST"),
    "unsubscribe": Sample("unsubscribe", _leaving(subscribed=True)),
    "unsubscribed": Sample("unsubscribed", _leaving(), method="POST"),
    "left": Sample("left", {}, method="POST"),
    "undone": Sample("undone", _leaving(subscribed=True), method="POST"),
    "preferences": Sample("preferences", _choosing()),
    **{
        f"saved-{answer}": Sample(
            "saved",
            {**_choosing(datetime(2026, 12, 24, tzinfo=UTC)), "answer": answer.value},
            method="POST",
        )
        for answer in Preferred
    },
    "mailed": Sample("mailed", {}, method="POST"),
    "disclose": Sample("disclose", {"view": _MAILED_LINK}),
    "erase": Sample("erase", {"view": _MAILED_LINK}),
    "erased": Sample("erased", {}, method="POST"),
    **{
        f"problem-{kind}": Sample("problem", {"kind": kind}, 404)
        for kind in ("link", "expired", "late", "often", "busy", "missing", "other")
    },
}


def pages(own: Path | None = None, newsletter: Newsletter = NEWSLETTER) -> Pages:
    """Return the pages of the invented newsletter in every language."""
    return Pages(newsletter, tuple(LANGUAGES), own)


def request(
    method: str = "GET", *, query: str = "", headers: Mapping[str, str] | None = None
) -> Request:
    """Return a request as a server would make it."""
    raw = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {
        "type": "http",
        "method": method,
        "path": "/",
        "query_string": query.encode(),
        "headers": raw,
        "client": ("192.0.2.1", 50000),
        "server": ("news.example.org", 443),
        "scheme": "https",
    }
    return Request(scope)


def rendered(name: str, language: str = "en") -> str:
    """Return the HTML of a sample in a language."""
    sample = SAMPLES[name]
    answer = pages().answer(
        request(sample.method, query=f"lang={language}"),
        sample.template,
        status=sample.status,
        **sample.words,
    )
    return bytes(answer.body).decode()
