"""Forms: what is read of them, when they were shown, and from where they came."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from starlette.requests import Request
from starlette.types import Message

from pipeline.audience.secrets import Keys
from pipeline.web.form import LATEST, SOONEST, Form, FormTimes, from_elsewhere

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TIMES = FormTimes(Keys((b"k" * 32,)))


def request(body: bytes = b"", **headers: str) -> Request:
    """Return a POST with a body; header names have underscores for hyphens."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/subscribe",
        "query_string": b"",
        "headers": [(b"host", b"quay.example.org"), *raw],
        "scheme": "http",
        "server": ("quay.example.org", 80),
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(scope, receive)


def read(body: bytes, content_type: str = "application/x-www-form-urlencoded") -> Form:
    """Return the form in a body."""
    return asyncio.run(Form.of(request(body, content_type=content_type)))


def test_a_form_is_what_a_browser_sends() -> None:
    """Plus signs, percent signs and repeated names mean what HTML says."""
    form = read(b"address=a%40example.org&name=+Robin+R%C3%A9d+&list=main&list=tides")

    assert form["address"] == "a@example.org"
    assert form["name"] == "Robin Réd"
    assert form.all("list") == ("main", "tides")
    assert form["nothing"] == ""
    assert form.first("nothing") is None


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"address": "a@example.org"}', "application/json"),
        (b"address=a@example.org", "text/plain"),
        (b"address=a@example.org", "multipart/form-data"),
        (b"&" * 60_000 + b"a=b", "application/x-www-form-urlencoded"),
        (b"a=b&" * 501, "application/x-www-form-urlencoded"),
    ],
)
def test_anything_else_is_a_form_without_fields(body: bytes, content_type: str) -> None:
    """Nothing is guessed from a body of another type or with far too many fields."""
    assert read(body, content_type)["address"] == ""


def test_no_body_raises() -> None:
    """Broken UTF-8, broken percent signs, NUL and one endless field are only strange text."""
    form = read(b"name=%ff%fe%00%zz%&address=" + b"a" * 60_000)

    assert len(form["address"]) == 1000
    assert "\ufffd" in form["name"]


def test_a_stamp_holds_from_two_seconds_to_a_day() -> None:
    """Robots are faster and scrapers slower than people."""
    stamp = TIMES.mint(NOW)
    second = timedelta(seconds=1)

    assert len(stamp) == 24
    assert [
        TIMES.good(stamp, NOW + age)
        for age in (-second, 0 * second, SOONEST - second, SOONEST, LATEST, LATEST + second)
    ] == [False, False, False, True, True, False]


def test_a_stamp_survives_a_change_of_keys() -> None:
    """A form that stood open while the key changed is still a form."""
    changed = FormTimes(Keys((b"k" * 32, b"l" * 32)))

    assert changed.good(TIMES.mint(NOW), NOW + SOONEST)
    assert not TIMES.good(changed.mint(NOW), NOW + SOONEST)


def test_no_bit_of_a_stamp_may_differ() -> None:
    """Nobody makes a stamp, or makes one younger."""
    stamp = TIMES.mint(NOW)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    forged = [
        stamp[:place] + letters[letters.index(stamp[place]) ^ (1 << bit)] + stamp[place + 1 :]
        for place in range(len(stamp))
        for bit in range(6)
    ]

    assert not any(TIMES.good(each, NOW + SOONEST) for each in forged)


@pytest.mark.parametrize(
    "stamp", ["", "A", "=" * 24, "A" * 24, "A" * 1000, "ä" * 24, "\x00" * 24, "A" * 23 + "\n"]
)
def test_nonsense_is_no_stamp(stamp: str) -> None:
    """Whatever stands there, the answer is no and not an error."""
    assert not TIMES.good(stamp, NOW)


@pytest.mark.parametrize(
    ("headers", "elsewhere"),
    [
        ({}, False),
        ({"sec_fetch_site": "same-origin"}, False),
        ({"sec_fetch_site": "none"}, False),
        ({"sec_fetch_site": "cross-site"}, True),
        ({"sec_fetch_site": "same-site"}, True),
        ({"sec_fetch_site": "nonsense"}, True),
        ({"sec_fetch_site": "cross-site", "origin": "https://quay.example.org"}, True),
        ({"origin": "https://quay.example.org"}, False),
        ({"origin": "https://evil.example.net"}, True),
        ({"origin": "https://quay.example.org.evil.example.net"}, True),
        ({"origin": "null"}, True),
        ({"origin": "http://["}, True),
    ],
)
def test_a_browser_tells_whose_page_sent_a_form(headers: dict[str, str], elsewhere: bool) -> None:
    """Sec-Fetch-Site decides; without it, Origin; without both it was no browser."""
    assert from_elsewhere(request(b"", **headers), "quay.example.org") is elsewhere
