"""The probe over real HTTP: a site that keeps the rules passes them, and each weaker one fails its."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest

from pipeline.doctor.one_click import ONE_CLICK, REACH
from pipeline.doctor.probing import FORGED_HOST, SCANNERS, Site, Standing
from pipeline.doctor.rule import Outage, Status
from pipeline.doctor.site import PAGES

TOKEN: Final = "AQEAAAHiQAAHWRMDcOAa7gIMMKocoLRr"
HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


@dataclass
class Reader:
    """The person of the probe, and the database they are in."""

    active: bool = True
    words: int = 2
    looked_at: int = 0
    carried_out_at: int | None = None  # the look before which a word that was kept is carried out

    path: str = f"/u/{TOKEN}"

    def standing(self) -> Standing:
        """See `probing.Person`."""
        self.looked_at += 1
        if self.looked_at == self.carried_out_at:
            self.leave()
        return Standing(self.active, self.words)

    def revive(self) -> None:
        """See `probing.Person`."""
        self.active, self.words = True, self.words + 1

    def leave(self) -> None:
        """Unsubscribe."""
        if self.active:
            self.active, self.words = False, self.words + 1


@contextmanager
def served(reader: Reader, weakness: str = "") -> Iterator[Site]:
    """Serve links to leave on a loopback port, with one weakness.

    Args:
        reader: whom the only good token is for.
        weakness: empty for none.
    """

    class Handler(BaseHTTPRequestHandler):
        def version_string(self) -> str:
            return "python/3.11" if weakness == "tells its version" else "site"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            if self.path == "/healthz":
                self.answer(503 if weakness == "is ill" else 200)
                return
            if self.headers["Host"] == FORGED_HOST and weakness != "believes every host":
                self.answer(400)
                return
            if weakness == "acts on GET" or (
                weakness == "believes an overriding header"
                and self.headers["X-HTTP-Method-Override"]
            ):
                reader.leave()
            self.answer(200)

        def do_HEAD(self) -> None:
            if weakness == "acts on HEAD":
                reader.leave()
            self.answer(200)

        def do_OPTIONS(self) -> None:
            self.answer(405)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            token = self.path.rpartition("/")[2]
            near = weakness == "reads only half of the token" and token[:16] == TOKEN[:16]
            if token != TOKEN and not near:
                self.answer(404 if weakness != "is polite to forgers" else 200)
                return
            multipart = "multipart" in self.headers["Content-Type"]
            if weakness == "knows no multipart" and multipart:
                self.answer(415)
                return
            if weakness == "wants a confirmation" or b"One-Click" not in body:
                self.answer(200)
                return
            gone = not reader.active
            reader.leave()
            if weakness == "counts twice" and gone:
                reader.words += 1
            if weakness == "redirects":
                self.answer(303, Location="/thanks")
            elif weakness == "forgets whom it knew" and gone:
                self.answer(410)
            else:
                self.answer(200)

        def answer(self, status: int, **headers: str) -> None:
            self.send_response(status)
            if weakness == "sets a cookie":
                self.send_header("Set-Cookie", "session=1")
            for name, value in (HEADERS | headers).items():
                if not (weakness == "is kept by caches" and name == "Cache-Control"):
                    self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Site(f"http://127.0.0.1:{server.server_port}", patience=0.0)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def failed(weakness: str) -> set[str]:
    """Return the codes of the rules that a site with that weakness fails."""
    reader = Reader()
    with served(reader, weakness) as site:
        results = [*REACH.examine(site)]
        walk = site.walk(reader)
    results += [*ONE_CLICK.examine(walk), *PAGES.examine(walk)]
    return {each.rule.code for each in results if each.status is Status.FAILED}


def test_a_good_site_fails_nothing() -> None:
    """What RFC 8058 asks for can be done in a page of code."""
    assert failed("") == set()


@pytest.mark.parametrize(
    ("weakness", "codes"),
    [
        ("is ill", {"D801"}),
        ("acts on GET", {"D803"}),
        ("acts on HEAD", {"D803"}),
        ("believes an overriding header", {"D803"}),
        ("wants a confirmation", {"D804", "D805"}),
        ("knows no multipart", {"D805"}),
        ("redirects", {"D804", "D805", "D806", "D808"}),
        ("sets a cookie", {"D807"}),
        ("counts twice", {"D808"}),
        ("forgets whom it knew", {"D808"}),
        ("is polite to forgers", {"D809"}),
        ("reads only half of the token", {"D809"}),
        ("believes every host", {"D810"}),
        ("is kept by caches", {"D851"}),
        ("tells its version", {"D853"}),
    ],
)
def test_a_weak_site_fails_the_rule_about_it(weakness: str, codes: set[str]) -> None:
    """Each weakness is seen from outside; a change by GET may spoil what follows, too."""
    assert codes <= failed(weakness)


def test_scanners_are_at_least_ten() -> None:
    """No two of them ask in the same way."""
    assert len({tuple(headers.items()) for headers in SCANNERS}) >= 10


def test_a_word_may_be_kept_for_a_moment() -> None:
    """A site whose database is busy promises; the promise counts when it is kept soon."""
    reader = Reader()
    with served(reader, "wants a confirmation") as site:
        patient = Site(site.url, patience=1.0)
        reader.carried_out_at = 9  # six looks before it, one at its start, one at its end
        walk = patient.walk(reader)

    assert walk.urlencoded.before.active
    assert not walk.urlencoded.after.active


def test_a_person_is_left_unsubscribed() -> None:
    """Whatever the probe does, it ends with nobody active."""
    reader = Reader()
    with served(reader) as site:
        site.walk(reader)

    assert not reader.active


def test_a_site_that_is_not_there_is_an_outage() -> None:
    """The reason is said; the rule that asks fails by it."""
    with served(Reader()) as site:
        pass

    with pytest.raises(Outage, match="does not answer"):
        site.reach()
    assert next(each.status for each in REACH.examine(site)) is Status.FAILED


def test_a_site_below_a_path_is_probed_there() -> None:
    """site_url may have a path; the links go on from it."""
    reader = Reader()
    with served(reader) as site:
        below = Site(f"{site.url}/news", patience=0.0)
        walk = below.walk(reader)

    assert walk.urlencoded.answers[0].status == 200
