"""Two lists in one workspace: whose mail it is, and what its links leave."""

from __future__ import annotations

import email
import email.policy
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from pipeline.app import App
from pipeline.audience.tokens import Action, ReturnPath
from pipeline.cli import cli
from pipeline.cli.place import Place
from pipeline.delivery.report import Stop
from pipeline.errors import ConfigError
from pipeline.model.audience import Audience
from pipeline.model.delivery import DeliveryId, DeliveryStatus
from pipeline.model.subscriber import MAIN, Consent, SubscriberState
from pipeline.testing.sink import SmtpSink

pytestmark = pytest.mark.integration

SETTINGS = """\
[newsletter]
name = "The Quay"
site_url = "https://quay.example.org"
from = "quay@example.org"
postal_address = "1 Quay Lane"
[sender]
kind = "smtp"
host = "127.0.0.1"
port = {port}
tls = "off"
[lists.press]
title = "Press room"
[segments]
locals = "city is Ghent"
[feedback]
return_path_domain = "bounces.example.org"
"""


def opened(folder: Path, port: int) -> App:
    """Return a workspace with one approved issue and people on two lists."""
    (folder / "newsletter.toml").write_text(SETTINGS.format(port=port), encoding="utf-8")
    (folder / "issues").mkdir()
    (folder / "issues" / "7.md").write_text("# Seven\n\n## News\n\n### One\n\nIt is here.\n")
    app = Place(workspace=str(folder), no_input=True).app()
    app.build()((folder / "issues" / "7.md",))
    app.approve()(app.entry_named("7"), by="a test")
    for address, list_, city in (
        ("ada@example.org", "main", "Ghent"),
        ("bob@example.org", "main", "Oxmouth"),
        ("bob@example.org", "press", "Oxmouth"),
        ("cleo@example.org", "press", "Ghent"),
    ):
        app.enrol(list_).one(address, source="asked", fields={"city": city})
    return app


def send(app: App, list_: str, rule: str = "") -> dict[DeliveryStatus, int]:
    """Send the issue to an audience; return how many are where."""
    done = app.send()(
        app.entry_named("7"), audience=app.audience(list_, rule), stop=lambda: Stop.NO
    )
    assert done.counts.balances
    return {status: count for status, count in done.counts.by_status.items() if count}


def parsed(data: bytes) -> EmailMessage:
    """Return a message as a strict reader sees it."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_a_mail_names_its_list_and_its_links_leave_that_one(tmp_path: Path) -> None:
    """List-Id, both links and the envelope are of the list; main hears nothing of it."""
    with SmtpSink() as sink:
        app = opened(tmp_path, sink.port)
        assert send(app, "press") == {DeliveryStatus.ACCEPTED: 2}
        got = {message.recipient: message for message in sink.messages}

    mail = parsed(got["bob@example.org"].data)
    assert mail["List-Id"] == "Press room <press.quay.example.org>"
    token = str(mail["List-Unsubscribe"]).split(">")[0].rpartition("/")[2]
    bob = app.subscribers.find("bob@example.org")
    assert bob is not None
    press = app.list_numbers.all()["press"]
    assert app.bearers.tokens.read(token) == (Action.UNSUBSCRIBE, bob, press)
    assert f"/p/{app.bearers.tokens.mint(Action.PREFERENCES, bob, press)}" in mail.as_string()
    path = ReturnPath(app.keys, "bounces.example.org")
    assert path.read(got["bob@example.org"].sender) is not None

    assert app.unsubscribe()(token)

    states = {each.list: each.state for each in app.subscribers.subscriptions(bob)}
    assert states == {0: SubscriberState.ACTIVE, press: SubscriberState.UNSUBSCRIBED}


def test_who_has_an_entry_by_one_list_does_not_get_it_by_another(tmp_path: Path) -> None:
    """Whichever lists and segments it goes to, an entry arrives once."""
    with SmtpSink() as sink:
        app = opened(tmp_path, sink.port)
        assert send(app, "press") == {DeliveryStatus.ACCEPTED: 2}
        assert send(app, "main", "locals") == {DeliveryStatus.ACCEPTED: 1}
        rest = send(app, "main")
        recipients = sorted(message.recipient for message in sink.messages)

    assert rest == {}
    assert recipients == ["ada@example.org", "bob@example.org", "cleo@example.org"]


def test_a_list_or_a_rule_that_is_none_mails_nobody(tmp_path: Path) -> None:
    """A slip of the hand names what there is, and where the rule breaks."""
    app = opened(tmp_path, 9)

    with pytest.raises(ConfigError, match="there is no list 'pres'; there is: main, press"):
        app.audience("pres")
    said = CliRunner().invoke(
        cli, ["-C", str(tmp_path), "send", "7", "--where", "citty iz x", "--dry-run"]
    )

    assert isinstance(said.exception, ConfigError)
    assert app.dispatches.all() == ()
    assert str(app.audience("main", "locals")) == str(Audience(list="main", rule="city is Ghent"))


def test_nobody_whose_word_is_kept_is_written_to(tmp_path: Path) -> None:
    """Also before the database has it; the word for one list says nothing of another."""
    with SmtpSink() as sink:
        app = opened(tmp_path, sink.port)
        bob = app.subscribers.find("bob@example.org")
        assert bob is not None
        press = app.list_numbers.all()["press"]
        assert app.keep_word()(app.bearers.tokens.mint(Action.UNSUBSCRIBE, bob, press))
        by_press = send(app, "press")
        by_main = send(app, "main")
        recipients = [message.recipient for message in sink.messages]

    assert by_press == {DeliveryStatus.ACCEPTED: 1, DeliveryStatus.LEFT_OUT: 1}
    assert by_main == {DeliveryStatus.ACCEPTED: 2}
    assert recipients[0] == "cleo@example.org"
    assert sorted(recipients[1:]) == ["ada@example.org", "bob@example.org"]


def test_a_message_in_hand_is_not_begun_once_a_word_is_kept(tmp_path: Path) -> None:
    """What `start` asks about leaves out whoever said so, on that list or on all."""
    app = opened(tmp_path, 9)
    bob = app.subscribers.find("bob@example.org")
    assert bob is not None
    press = app.list_numbers.all()["press"]
    made = app.schedule()(app.entry_named("7"), due_at=app.clock(), audience=app.audience("press"))
    app.dispatches.prepare(made.id, app.clock())
    page = app.ledger.due(made.id, now=app.clock(), after=DeliveryId(0), limit=9)
    in_hand = {claim.subscriber: claim.delivery for claim in page}
    assert app.ledger.wanted(made.id, tuple(in_hand.values())) == set(in_hand.values())
    keep, mint = app.keep_word(), app.bearers.tokens.mint

    keep(mint(Action.UNSUBSCRIBE, bob))  # of main
    assert in_hand[bob] in app.ledger.wanted(made.id, tuple(in_hand.values()))
    keep(mint(Action.UNSUBSCRIBE, bob), everything=True)
    assert in_hand[bob] not in app.ledger.wanted(made.id, tuple(in_hand.values()))
    assert keep.undo(mint(Action.UNSUBSCRIBE, bob))
    keep(mint(Action.UNSUBSCRIBE, bob, press))
    assert app.ledger.wanted(made.id, tuple(in_hand.values())) == set(in_hand.values()) - {
        in_hand[bob]
    }


def test_a_kept_word_does_not_undo_a_newer_one(tmp_path: Path) -> None:
    """Who left, and came back before the database had time for it, stays."""
    app = opened(tmp_path, 9)
    now = app.clock()
    app = replace(app, clock=lambda: now)
    bob = app.subscribers.find("bob@example.org")
    assert bob is not None
    keep, press = app.keep_word(), app.list_numbers.all()["press"]
    keep(app.bearers.tokens.mint(Action.UNSUBSCRIBE, bob), everything=True)
    later = now + timedelta(hours=1)
    for state in (SubscriberState.UNSUBSCRIBED, SubscriberState.ACTIVE):
        word = Consent(action="given", method="web", source="confirmed", at=later)
        app.subscribers.set_state(bob, state, word)

    replace(keep, clock=lambda: later).carry_out()

    states = {each.list: each.state for each in app.subscribers.subscriptions(bob)}
    assert states == {MAIN: SubscriberState.ACTIVE, press: SubscriberState.UNSUBSCRIBED}
    assert not list(keep.folder.iterdir())
