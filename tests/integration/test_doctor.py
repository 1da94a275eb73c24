"""The doctor at work: on the demo, on what is broken, on a running site, and on a DNS."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.app import App
from pipeline.cli import run
from pipeline.doctor.families import FAMILIES
from pipeline.doctor.one_click import ONE_CLICK, REACH
from pipeline.doctor.rule import Result, Status
from pipeline.doctor.site import PAGES
from pipeline.model.subscriber import SubscriberState
from pipeline.settings import load
from pipeline.web.application import application
from tests.unit.doctor_dns import name_server

pytestmark = pytest.mark.integration

ROOT: Final = Path(__file__).parents[2]
SETTINGS: Final = """
[newsletter]
name = "The Quay"
site_url = "https://quay.example.org"
from = "letter@quay.example.org"
postal_address = "1 Quay Lane"
"""
OF_SITE: Final = {rule.code for family in (REACH, ONE_CLICK, PAGES) for rule in family.rules}
OUTSIDE: Final = OF_SITE | {rule.code for rule in FAMILIES[-1].rules}

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace in which nothing was done yet."""
    (tmp_path / "newsletter.toml").write_text(SETTINGS)
    return tmp_path


@pytest.fixture
def app(workspace: Path) -> App:
    """The same with a database and one subscriber."""
    app = App(settings=load(workspace, {}), root=workspace, has_workspace=True)
    app.enrol().one("reader@example.net", source="asked")
    return app


def doctor(workspace: Path, capsys: Capture, *options: str) -> tuple[int, dict[str, Any]]:
    """Run the command; return its exit code and what it says by the code of the rule."""
    capsys.readouterr()
    code = run(["-C", str(workspace), "doctor", "--output", "json", *options])
    items = json.loads(capsys.readouterr().out)["items"]
    return code, {item["code"]: item for item in items}


def failed(items: dict[str, Any]) -> set[str]:
    """Return the codes of what failed."""
    return {code for code, item in items.items() if item["status"] == "failed"}


def test_the_demo_workspace_passes_all_local_rules(tmp_path: Path, capsys: Capture) -> None:
    """Exit 0; what is not checked is what needs a network, a relay or a key."""
    demo = tmp_path / "demo"
    assert run(["-C", str(ROOT), "demo", "--people", "5", "--folder", str(demo)]) == 0

    code, items = doctor(demo, capsys, "--strict")

    assert code == 0
    assert failed(items) == set()
    left = {name for name, item in items.items() if item["status"] == "not checked"}
    signing = {"D401", "D402", "D403", "D404", "D405", "D504"}
    assert left - OUTSIDE == {"D503", *signing}


def test_a_new_workspace_is_looked_at_and_left_as_it_is(tmp_path: Path, capsys: Capture) -> None:
    """There is no entry and no database; a sample stands for the one, and the other is not made."""
    assert run(["init", str(tmp_path / "letter")]) == 0

    code, items = doctor(tmp_path / "letter", capsys)

    assert code == 3
    assert failed(items) == {"D304", "D501"}
    assert items["D701"]["why"] == "there is no database yet"
    assert not (tmp_path / "letter" / "data").exists()


def test_what_only_should_hold_fails_a_strict_run(app: App, capsys: Capture) -> None:
    """A kept mail that nobody could read is no reason to stop everything."""
    unread = app.data / "feedback" / "unread"
    unread.mkdir(parents=True)
    (unread / "00ff.eml").write_bytes(b"?")

    assert (doctor(app.root, capsys)[0], doctor(app.root, capsys, "--strict")[0]) == (0, 3)
    assert failed(doctor(app.root, capsys)[1]) == {"D606"}


def test_rights_of_others_are_seen(app: App, capsys: Capture) -> None:
    """Each finding names the path and the command that ends it."""
    app.data.chmod(0o755)
    (app.data / "broadsheet.db").chmod(0o644)
    (app.data / "secret.key").chmod(0o604)

    code, items = doctor(app.root, capsys)

    assert code == 3
    assert failed(items) == {"D601", "D602", "D603"}
    assert f"chmod 700 {app.data}" in items["D601"]["remedy"]


def test_an_old_database_is_not_migrated_by_looking(app: App, capsys: Capture) -> None:
    """The doctor says so, and leaves it to a command that is meant to write."""
    app.database.close()
    with closing(sqlite3.connect(app.data / "broadsheet.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0002'")
        connection.commit()

    assert failed(doctor(app.root, capsys)[1]) == {"D703"}
    assert failed(doctor(app.root, capsys)[1]) == {"D703"}


def test_people_who_do_not_add_up_and_rows_that_lost_theirs_are_seen(
    app: App, capsys: Capture
) -> None:
    """The ledger and the references are added up again."""
    app.database.close()
    file = app.data / "broadsheet.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(
            "INSERT INTO dispatch (id, entry, digest, audience, list_id, due_at, state, people,"
            " created_at) VALUES (1, '001', '', 'main', 0, 0, 'sending', 3, 0)"
        )
        connection.commit()
        assert failed(doctor(app.root, capsys)[1]) == {"D704"}

        connection.execute("DELETE FROM subscriber")  # foreign keys are off here
        connection.commit()

    code, items = doctor(app.root, capsys)
    assert (code, failed(items)) == (3, {"D701"})
    assert "refers to a row of subscriber" in items["D701"]["seen"]


def test_a_damaged_database_is_a_finding(app: App, capsys: Capture) -> None:
    """No traceback, and nothing else is asked of it."""
    app.database.close()
    file = app.data / "broadsheet.db"
    content = bytearray(file.read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = os.urandom(64)
    file.write_bytes(content)

    code, items = doctor(app.root, capsys)

    assert (code, failed(items)) == (3, {"D701"})
    assert items["D704"]["status"] == "not checked"


def test_our_own_signatures_hold_and_the_dns_must_have_their_key(
    workspace: Path, capsys: Capture
) -> None:
    """The key is made, used, published; a record that is missing is shown as it should be."""
    keygen = ["-C", str(workspace), "dkim", "keygen", "--selector", "s1"]
    assert run(keygen) == 0
    record = dict(line.split("\t", 1) for line in capsys.readouterr().out.splitlines())
    name = "data/s1._domainkey.quay.example.org.pem"
    (workspace / "newsletter.toml").write_text(
        f'{SETTINGS}\n[dkim]\nkey_file = "{name}"\nselector = "s1"\n'
    )
    value = record["value"]
    records = {
        ("quay.example.org", "TXT"): ['"v=spf1 ip4:192.0.2.7 -all"'],
        ("quay.example.org", "MX"): ["10 mx.example.org."],
        ("mx.example.org", "A"): ["192.0.2.7"],
        ("_dmarc.example.org", "TXT"): ['"v=DMARC1; p=none"'],
        ("7.2.0.192.in-addr.arpa", "PTR"): ["mx.example.org."],
    }
    published = {(record["name"], "TXT"): [f'"{value[:255]}" "{value[255:]}"']}
    address = ("--address", "192.0.2.7")

    with name_server(records | published) as port:
        code, items = doctor(workspace, capsys, "--name-server", f"127.0.0.1:{port}", *address)
    with name_server(records) as port:
        without, lacking = doctor(workspace, capsys, "--name-server", f"127.0.0.1:{port}")

    assert (code, failed(items)) == (0, set())
    signing = {"D401", "D402", "D403", "D404", "D405", "D504", "D906", "D907", "D909", "D910"}
    assert {items[each]["status"] for each in signing} == {"passed"}
    assert (without, failed(lacking)) == (3, {"D907"})
    assert value in lacking["D907"]["remedy"]


@contextmanager
def served(site: ASGIApp) -> Iterator[str]:
    """Serve a site on a loopback port that the kernel chooses; yield its address."""
    server = uvicorn.Server(
        uvicorn.Config(site, host="127.0.0.1", port=0, log_level="critical", server_header=False)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 20
    try:
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def probed(app: App, url: str) -> dict[str, Result]:
    """Return what the rules about the site say, by code."""
    results = {each.rule.code: each for each in app.diagnose()(url=url)}
    return {code: results[code] for code in sorted(OF_SITE)}


def people(app: App) -> list[tuple[Any, ...]]:
    """Return every row that tells of a person."""
    tables = ("subscriber", "subscription", "consent", "suppression", "notice", "tag")
    with closing(sqlite3.connect(app.data / "broadsheet.db")) as connection:
        return [
            (table, *row)
            for table in tables
            for row in connection.execute(f"SELECT * FROM {table}")
        ]


def test_the_running_site_passes_and_nobody_is_changed(app: App) -> None:
    """A real POST in both encodings; afterwards the tables are as they were."""
    before = people(app)

    with served(application(app)) as url:
        results = probed(app, url)

    statuses = {code: each.status for code, each in results.items()}
    assert statuses == dict.fromkeys(OF_SITE, Status.PASSED) | {"D802": Status.NOT_CHECKED}
    assert people(app) == before


def as_post(app: ASGIApp) -> ASGIApp:
    """Return a site that acts on GET."""

    async def weak(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") == "GET" and scope["path"].startswith("/u/"):
            scope = {**scope, "method": "POST"}
        await app(scope, receive, send)

    return weak


def with_a_cookie(app: ASGIApp) -> ASGIApp:
    """Return a site behind a proxy that marks everybody."""

    async def weak(scope: Scope, receive: Receive, send: Send) -> None:
        async def marking(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = [*message["headers"], (b"set-cookie", b"lb=1")]
                message = {**message, "headers": headers}
            await send(message)

        await app(scope, receive, marking)

    return weak


@pytest.mark.parametrize(("weaken", "code"), [(as_post, "D803"), (with_a_cookie, "D807")])
def test_a_weakened_site_fails(app: App, weaken: Callable[[ASGIApp], ASGIApp], code: str) -> None:
    """The rule about it says so, and the person of the probe is gone all the same."""
    before = people(app)

    with served(weaken(application(app))) as url:
        results = probed(app, url)

    assert results[code].status is Status.FAILED
    assert people(app) == before


def test_a_site_that_is_down_fails_and_writes_nobody_down(app: App) -> None:
    """The person is made only when somebody answers."""
    with served(application(app)) as url:
        pass
    before = people(app)

    results = probed(app, url)

    assert results["D801"].status is Status.FAILED
    assert results["D804"].status is Status.NOT_CHECKED
    assert people(app) == before


def test_a_subscriber_with_the_address_of_the_probe_is_left_alone(app: App) -> None:
    """Whoever is real is not unsubscribed to try something."""
    app.enrol().one("probe@quay.example.org", source="asked")
    before = people(app)

    with served(application(app)) as url:
        results = probed(app, url)

    assert results["D804"].status is Status.NOT_CHECKED
    assert "is a subscriber" in results["D804"].why
    assert people(app) == before
    assert {each.state for each in app.subscribers.all()} == {SubscriberState.ACTIVE}


def test_words_of_strangers_reach_the_terminal_harmless(workspace: Path, capsys: Capture) -> None:
    """What a name server says is shown, not obeyed."""
    records = {("_dmarc.example.org", "TXT"): ['"v=DMARC1; p=\\007none"']}

    with name_server(records) as port:
        server = f"127.0.0.1:{port}"
        for form in ("table", "tsv"):
            code = run(["-C", str(workspace), "doctor", "--name-server", server, "--output", form])
            said = capsys.readouterr().out

            assert code == 3
            assert "\x07" not in said
            assert "D908" in said
