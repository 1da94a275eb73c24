"""`check --links` against servers of our own: dead, moved, slow, endless, and in the house."""

from __future__ import annotations

import itertools
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from pipeline.model.issue import Issue
from pipeline.preflight.following.door import Door, NoSuchSite, Refused, Unreachable, resolve
from pipeline.preflight.following.fate import (
    AT_ONCE_EACH,
    HOPS,
    PATIENCE_S,
    Fate,
    Kind,
    follow,
    follow_all,
)
from pipeline.preflight.following.public import is_public
from pipeline.preflight.following.rules import LONGEST, judged

pytestmark = pytest.mark.integration

HOST: Final = "news.example.org"


@dataclass
class Site:
    """A server on loopback; `asked` has each request, its headers in small letters."""

    port: int = 0
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    locations: dict[str, tuple[int, str]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, path: str, host: str = HOST) -> str:
        """Return an address under a name that only our resolver knows."""
        return f"http://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        """Return what was asked for, in order."""
        return [f"{method} {path}" for method, path, _ in self.asked]


class Answers(BaseHTTPRequestHandler):
    """Answers as its path says: /status/404, /to/NAME, /slow, /endless, /head-less."""

    site: Site

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self.answer()

    def do_GET(self) -> None:
        """Answer with one."""
        self.answer()

    def answer(self) -> None:
        """Do what the path says."""
        site = self.site
        with site.lock:
            headers = {name.lower(): value for name, value in self.headers.items()}
            site.asked.append((self.command, self.path, headers))
        with suppress(OSError):  # the other side has gone, as it should
            self.carry_out(self.path.split("/"))

    def carry_out(self, words: Sequence[str]) -> None:
        """Answer one request."""
        match words[1:]:
            case ["status", number]:
                self.send_response(int(number))
            case ["head-less"] if self.command == "HEAD":
                self.send_response(405)
            case ["to", name]:
                status, location = self.site.locations[name]
                self.send_response(status)
                self.send_header("Location", location)
                self.send_header("Set-Cookie", "reader=1")
            case ["busy", _]:
                with self.site.lock:
                    self.site.at_once += 1
                    self.site.most_at_once = max(self.site.most_at_once, self.site.at_once)
                time.sleep(0.05)
                with self.site.lock:
                    self.site.at_once -= 1
                self.send_response(200)
            case ["silent"]:
                time.sleep(60)
                return
            case ["dribble"]:  # for a minute
                for _ in range(1200):
                    self.wfile.write(b"H")
                    time.sleep(0.05)
                return
            case ["garbage"]:
                self.wfile.write(b"\x1b]0;pwned\x07\x1b[2Jgarbage " + b"x" * 9_000 + b"\r\nmore")
                return
            case ["endless"]:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                for line in range(90):
                    self.wfile.write(b"X-%d: %s\r\n" % (line, b"x" * 4_000))
                self.wfile.write(b"\r\n")
                return
            case ["body"]:
                self.send_response(200)
                self.end_headers()
                for _ in range(2_000):
                    self.wfile.write(b"x" * 100_000)
                return
            case _:
                self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[Site]:
    """Run a server for one test."""
    found = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Answers,), {"site": found}))
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Names:
    """A resolver of our own; it counts how often it was asked."""

    addresses: dict[str, list[Sequence[str]]]
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, _port: int) -> Sequence[str]:
        """Return what stands there for a name: the next answer, and the last one ever after."""
        self.asked.append(host)
        answers = self.addresses.get(host)
        if not answers:
            raise NoSuchSite(f"there is no site called {host}")
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def door(site: Site) -> Door:
    """Let our one public name, which is on loopback, through; nothing else."""
    return Door(
        resolve=Names({HOST: [("127.0.0.1",)], "inside.example.org": [("127.0.0.2",)]}),
        public=lambda address: address == "127.0.0.1",
        ports=frozenset({site.port}),
        step=1.0,
        whole=2.0,
    )


@pytest.mark.parametrize(
    ("path", "kind", "asked"),
    [
        ("/status/200", Kind.THERE, ["HEAD"]),
        ("/status/204", Kind.THERE, ["HEAD"]),
        ("/head-less", Kind.THERE, ["HEAD", "GET"]),
        ("/status/404", Kind.DEAD, ["HEAD", "GET"]),
        ("/status/410", Kind.DEAD, ["HEAD", "GET"]),
        ("/status/403", Kind.UNSURE, ["HEAD", "GET"]),
        ("/status/429", Kind.UNSURE, ["HEAD", "GET"]),
        ("/status/500", Kind.UNSURE, ["HEAD", "GET"]),
    ],
)
def test_the_status_says_what_became_of_a_link(
    site: Site, door: Door, path: str, kind: Kind, asked: list[str]
) -> None:
    """HEAD first, and GET for who does not like it; a door closed to programs is no dead link."""
    assert follow(site.url(path), door).kind is kind
    assert site.paths() == [f"{method} {path}" for method in asked]


def test_a_name_without_address_is_a_dead_link(door: Door, site: Site) -> None:
    """There is no such site."""
    fate = follow(site.url("/", host="gone.example.org"), door)

    assert (fate.kind, fate.words) == (Kind.DEAD, "there is no site called gone.example.org")


def test_the_resolver_of_this_machine_knows_no_invented_name() -> None:
    """`.invalid` is nobody's (RFC 2606)."""
    with pytest.raises(NoSuchSite):
        resolve("news.invalid", 80)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(301, Kind.MOVED), (308, Kind.MOVED), (302, Kind.THERE), (307, Kind.THERE)],
)
def test_only_what_moved_for_good_is_said_to_have_moved(
    site: Site, door: Door, status: int, kind: Kind
) -> None:
    """A site may send readers round in its house as it likes."""
    site.locations["a"] = (status, "/status/200")

    fate = follow(site.url("/to/a#part"), door)

    assert fate == Fate(kind, site.url("/status/200") if kind is Kind.MOVED else "")


def test_redirections_end(site: Site, door: Door) -> None:
    """Five are followed, the sixth is not; a circle is one of many."""
    site.locations["a"] = (302, "/to/a")

    fate = follow(site.url("/to/a"), door)

    assert (fate.kind, len(site.asked)) == (Kind.REFUSED, HOPS + 1)


def test_a_link_has_so_much_time_with_all_its_redirections(site: Site, door: Door) -> None:
    """Each answers in time, and together they would keep everybody waiting."""
    site.locations["a"] = (302, "/to/a")
    seconds = itertools.count(0.0, PATIENCE_S / 2.5)

    fate = follow(site.url("/to/a"), door, clock=lambda: next(seconds))

    assert fate == Fate(Kind.UNSURE, "it takes more than 30 seconds")
    assert len(site.asked) == 2


def test_the_last_request_of_a_link_has_what_time_is_left(site: Site, door: Door) -> None:
    """And not that of a first one."""
    times = iter((0.0, PATIENCE_S - 0.5, PATIENCE_S))
    begun = time.monotonic()

    fate = follow(
        site.url("/dribble"), replace(door, step=60.0, whole=60.0), clock=lambda: next(times)
    )

    assert fate.kind is Kind.UNSURE
    assert site.paths() == ["HEAD /dribble"]
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize(
    "target",
    [
        "http://inside.example.org:{port}/secret",
        "http://127.0.0.2:{port}/secret",
        "http://news.example.org:1/secret",
        "http://ada:secret@news.example.org:{port}/secret",
        "file:///etc/passwd",
        "ftp://news.example.org:{port}/secret",
        "gopher://news.example.org:{port}/secret",
        "//inside.example.org:{port}/secret",
    ],
)
def test_each_redirection_is_looked_at_like_the_first(site: Site, door: Door, target: str) -> None:
    """A public page may point into the house; nobody follows it there."""
    site.locations["a"] = (302, target.format(port=site.port))

    fate = follow(site.url("/to/a"), door)

    assert fate.kind in {Kind.REFUSED, Kind.DEAD}
    assert site.paths() == ["HEAD /to/a"]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://inside.example.org:{port}/", "is not on the public network"),
        ("http://news.example.org:{other}/", "it is at port {other}"),
        ("http://ada:secret@news.example.org:{port}/", "the address holds a login"),
        ("http://ada@news.example.org:{port}/", "the address holds a login"),
        ("file:///etc/passwd", "it is not a web address"),
        ("http://[::1", "it is not a web address"),
    ],
)
def test_a_link_into_the_house_is_not_followed(site: Site, door: Door, url: str, why: str) -> None:
    """Nothing is sent; the reason is said."""
    other = site.port + 1

    with pytest.raises(Refused) as refused:
        door.ask("HEAD", url.format(port=site.port, other=other))

    assert why.format(other=other) in str(refused.value)
    assert site.asked == []


def test_one_private_address_among_public_ones_closes_the_door(site: Site, door: Door) -> None:
    """Else the next connection would take the other."""
    mixed = Door(
        resolve=lambda _host, _port: ("127.0.0.1", "127.0.0.2"),
        public=door.public,
        ports=door.ports,
    )

    with pytest.raises(Refused):
        mixed.ask("HEAD", site.url("/"))
    assert site.asked == []


def test_the_connection_goes_to_the_address_that_was_looked_at(site: Site) -> None:
    """A name that answers otherwise the second time is not asked a second time (rebinding)."""
    names = Names({HOST: [("127.0.0.1",), ("127.0.0.2",)]})
    door = Door(
        resolve=names, public=lambda each: each == "127.0.0.1", ports=frozenset({site.port})
    )

    assert door.ask("HEAD", site.url("/status/200")).status == 200
    assert names.asked == [HOST]
    assert site.asked[0][2]["host"] == f"{HOST}:{site.port}"


def test_the_second_address_is_tried_if_the_first_is_closed(site: Site) -> None:
    """Sites have several, and one of them may be out of reach from here."""
    door = Door(
        resolve=lambda _host, _port: ("127.0.0.3", "127.0.0.1"),
        public=lambda _address: True,
        ports=frozenset({site.port}),
    )

    assert door.ask("HEAD", site.url("/status/200")).status == 200


@pytest.mark.parametrize(
    ("path", "step", "whole"), [("/silent", 0.5, 60.0), ("/dribble", 60.0, 1.0)]
)
def test_nobody_is_waited_for_longer_than_said(
    site: Site, door: Door, path: str, step: float, whole: float
) -> None:
    """Neither for silence nor for a letter at a time: each has its own deadline."""
    started = time.monotonic()

    with pytest.raises(Unreachable):
        replace(door, step=step, whole=whole).ask("GET", site.url(path))

    assert time.monotonic() - started < 30  # the other side goes on for a minute


def test_time_that_ran_out_before_there_was_a_connection_has_run_out(
    site: Site, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is slow to connect cannot dribble for ever after: the end is remembered."""
    connect = socket.create_connection

    def slowly(*arguments: Any) -> socket.socket:
        time.sleep(0.5)
        return connect(*arguments)

    monkeypatch.setattr(socket, "create_connection", slowly)
    started = time.monotonic()

    with pytest.raises(Unreachable, match="timed out"):
        replace(door, step=60.0, whole=0.01).ask("GET", site.url("/dribble"))

    assert time.monotonic() - started < 30
    assert site.asked == []


def test_what_a_server_says_is_one_short_line_of_letters(site: Site, door: Door) -> None:
    """It stands in a report: no line ends, nothing that a terminal obeys, nothing endless."""
    url = site.url("/garbage")

    [said] = judged(Issue(title="", sections=()), {url: None}, {url: follow(url, door)})

    assert "garbage" in said.message
    assert said.message.isprintable()
    assert len(said.message) < LONGEST + 200


def test_a_header_without_end_is_not_read_to_its_end(site: Site, door: Door) -> None:
    """64 KB are enough for any header."""
    with pytest.raises(Unreachable, match="does not end"):
        door.ask("GET", site.url("/endless"))


def test_no_body_is_read(site: Site, door: Door) -> None:
    """200 MB wait behind this header; the answer is there at once."""
    started = time.monotonic()

    assert door.ask("GET", site.url("/body")).status == 200
    assert time.monotonic() - started < 20  # reading them would take longer


def test_nobody_is_told_who_asks(site: Site, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cookie comes back, no login, no referrer, no way round through a proxy."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    site.locations["a"] = (302, "/status/200")

    follow(site.url("/to/a"), door)

    assert len(site.asked) == 2
    for _, _, headers in site.asked:
        assert headers.keys() == {"host", "user-agent", "accept", "accept-encoding"}


def test_an_address_cannot_write_a_header(site: Site, door: Door) -> None:
    """Line ends in an address are sent as %0D%0A or not at all."""
    follow(f"http://{HOST}:{site.port}/status/200?x=\r\nX-Evil:\u00fc 1", door)

    assert all("x-evil" not in headers for _, _, headers in site.asked)


def test_links_are_followed_some_at_a_time(site: Site, door: Door) -> None:
    """Each once, two at a time to a host, and each is told."""
    urls = [site.url(f"/busy/{number}") for number in range(12)]
    told: list[str] = []

    fates = follow_all([*urls, *urls], door, progress=told.append)

    assert {fate.kind for fate in fates.values()} == {Kind.THERE}
    assert sorted(told) == sorted(urls) == sorted(fates)
    assert len(site.asked) == 12
    assert site.most_at_once <= AT_ONCE_EACH


PUBLIC: Final = ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1"]
PRIVATE: Final = [
    *("127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "100.127.255.255", "224.0.0.1", "239.1.1.1"),
    *("255.255.255.255", "240.0.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1"),
    *("198.18.0.1", "192.0.0.1", "192.0.0.192", "192.88.99.1", "168.63.129.16"),
    *("::1", "::", "::ffff:127.0.0.1", "::ffff:93.184.215.14", "::127.0.0.1", "fe80::1"),
    *("fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1"),
    *("2002:7f00:1::", "2002:5db8:d70e::1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1"),
    *("2001::1", "2001:0:5db8:d70e::", "3fff::1", "localhost", "", "127.1", "0x7f.1"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_the_public_network_is_open(address: str) -> None:
    """In both families."""
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_everything_else_is_closed(address: str) -> None:
    """Private, shared, local, multicast, reserved, documentation, and IPv4 dressed as IPv6."""
    assert not is_public(address)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "localhost", "[::1]"])
def test_odd_spellings_of_loopback_are_seen_through(host: str) -> None:
    """The resolver says what they mean, and that is what is judged."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.settimeout(0.05)
    try:
        with pytest.raises((Refused, NoSuchSite)):
            Door(ports=frozenset({port})).ask("HEAD", f"http://{host}:{port}/")
        with pytest.raises(TimeoutError):
            listener.accept()
    finally:
        listener.close()


@pytest.mark.parametrize(("name", "believed"), [(HOST, True), ("evil.example.net", False)])
def test_a_certificate_must_be_of_the_name(
    site: Site, openssl_path: str, tmp_path: Path, name: str, *, believed: bool
) -> None:
    """The site is called by its name, whatever its address, and has to prove it."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    make = [openssl_path, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    make += ["-nodes", "-days", "2", "-subj", "/CN=site", "-addext", f"subjectAltName=DNS:{name}"]
    make += ["-out", str(certificate), "-keyout", str(key)]
    subprocess.run(make, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Answers,), {"site": site}))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    port = server.server_address[1]
    door = Door(
        resolve=lambda _host, _port: ("127.0.0.1",),
        public=lambda _address: True,
        ports=frozenset({port}),
        tls=lambda: ssl.create_default_context(cafile=certificate),
    )
    try:
        fate = follow(f"https://{HOST}:{port}/status/200", door)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

    assert fate.kind is (Kind.THERE if believed else Kind.UNSURE)
    assert ("certificate" in fate.words) is not believed
    assert bool(site.asked) is believed
