from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import date

import pytest
from msgspec.structs import replace

from pipeline.errors import SenderUnavailable
from pipeline.model.delivery import Accepted, Deferred, RelayLimits
from pipeline.senders import smtp
from pipeline.senders.fault import SenderFault
from pipeline.senders.smtp import pool
from pipeline.testing.plan import At, Each, Plan, Rule, crowded
from pipeline.testing.sink import SmtpSink
from tests.unit.relays import LOOPS, Run, carry, hasty, readers, send, sender_to, work_for


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Give each of the two event loops."""
    return LOOPS[request.param]


def relay(sink: SmtpSink, **options: object) -> dict[str, object]:
    """Return the table of one relay."""
    return {"host": sink.host, "port": sink.port, **options}


def test_few_messages_need_one_connection() -> None:
    """A second connection pays only when more than a few messages wait."""
    with SmtpSink() as sink:
        send(sender_to(sink), *readers(5))

    assert {got.connection for got in sink.messages} == {1}


def test_many_messages_share_as_many_connections_as_are_allowed(run: Run) -> None:
    """Connections are opened up to the option, and no more."""
    slow = Rule(at=At.DOT, delay_s=0.002)
    with SmtpSink(Plan(rules=(slow,))) as sink:
        outcomes = send(sender_to(sink, connections=4), *readers(200), run=run)

    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert {got.connection for got in sink.messages} == {1, 2, 3, 4}


def test_a_worn_connection_is_replaced(run: Run) -> None:
    """After as many messages as are set a new connection carries on."""
    with SmtpSink() as sink:
        send(sender_to(sink, connections=1, messages_per_connection=2), *readers(5), run=run)

    assert [got.connection for got in sink.messages] == [1, 1, 2, 2, 3]


def test_a_server_with_few_places_is_not_crowded() -> None:
    """421 in the greeting while others are open sets the number of connections."""
    slow = Rule(at=At.DOT, delay_s=0.002)
    work = work_for(*readers(150))
    with SmtpSink(Plan(rules=(crowded(3), slow))) as sink:
        outcomes = carry(sender_to(sink, connections=8), work)

    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert len({got.connection for got in sink.messages}) == 3
    assert work.returns == {}


def test_a_busy_greeting_is_waited_for() -> None:
    """421 to the only connection passes by itself."""
    busy = Rule(at=At.GREETING, reply="421 4.3.2 busy", drop=True, times=2)
    with SmtpSink(Plan(rules=(busy,))) as sink:
        outcomes = send(sender_to(sink), "ada@example.org")

    assert [type(outcome) for outcome in outcomes] == [Accepted]


def test_a_login_is_refused_once_however_many_connections_are_allowed() -> None:
    """The first connection alone finds out; ten attempts would lock the account."""
    refusals = Rule(at=At.AUTH, reply="535 5.7.8 go away", times=1)
    work = work_for(*readers(100))
    with SmtpSink(Plan(login=("ada", "secret"), rules=(refusals,))) as sink:
        sender = sender_to(sink, user="ada", password="secret")
        with pytest.raises(SenderFault, match=r"535 5\.7\.8"):
            carry(sender, work)
        outcomes = carry(sender, work)  # would meet the rule again if it had not been used up

    assert {type(outcome) for outcome in outcomes} == {Accepted}


def test_a_fault_lets_the_others_in_flight_finish() -> None:
    """What was behind its dot gets its reply; nobody is uncertain because of a fault."""
    fault = Rule(at=At.DOT, reply="550 5.7.26 not authenticated", skip=20, times=1)
    slow = Rule(at=At.DOT, delay_s=0.02)
    work = work_for(*readers(100))
    with (
        SmtpSink(Plan(rules=(fault, slow))) as sink,
        pytest.raises(SenderFault, match=r"5\.7\.26"),
    ):
        carry(sender_to(sink, connections=5), work)

    assert {type(outcome) for outcome in work.outcomes.values()} == {Accepted}
    assert len(sink.messages) == len(work.outcomes)
    assert (len(work.outcomes) + len(work.waiting), work.in_hand) == (100, set())


def test_relays_share_by_weight(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three to one, give or take a few, from the moment when both carry."""
    monkeypatch.setattr(pool, "PATIENCE", 60.0)  # a busy machine is no relay that is stuck
    with SmtpSink() as first, SmtpSink() as second:
        sender = hasty(
            smtp.build(
                {
                    "relays": [
                        relay(first, name="first", weight=3),
                        relay(second, name="second", weight=1),
                    ]
                }
            )
        )
        work = work_for(*readers(800))
        outcomes = carry(sender, work, run)

    assert {type(outcome) for outcome in outcomes} == {Accepted}
    taken = list(work.relays.values())
    assert taken.count("first") == len(first.messages)
    assert taken.count("second") == len(second.messages)
    both = taken[max(taken.index("first"), taken.index("second")) :]
    assert len(both) > 400
    assert abs(both.count("first") - 0.75 * len(both)) <= 2 * pool.SLACK


def test_a_relay_that_is_dead_leaves_its_share_to_the_others(run: Run) -> None:
    """Everybody is carried by who is there."""
    with SmtpSink() as gone:
        dead = relay(gone, name="dead")
    with SmtpSink() as sink:
        outcomes = send(
            hasty(smtp.build({"relays": [dead, relay(sink, name="alive")]})),
            *readers(100),
            run=run,
        )

    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert len(sink.messages) == 100


def test_a_relay_that_dies_on_the_way_leaves_the_rest_to_the_others() -> None:
    """After some messages it hangs up for good; nobody is lost, and nobody has it twice."""
    dies = (
        Rule(at=At.MAIL, reply="421 4.3.2 going down", skip=30, drop=True),
        Rule(at=At.GREETING, reply="421 4.3.2 going down", skip=10, drop=True),
    )
    with SmtpSink(Plan(rules=dies)) as first, SmtpSink() as second:
        work = work_for(*readers(300))
        outcomes = carry(sender_to(first, second), work)

    assert {type(outcome) for outcome in outcomes} == {Accepted}
    got = [message.recipient for message in (*first.messages, *second.messages)]
    assert len(set(got)) == len(got) == 300


def test_a_relay_with_a_fault_leaves_the_rest_to_the_others() -> None:
    """A message too big for one relay is carried by another; nobody is blamed."""
    with SmtpSink(Plan(size=10)) as small, SmtpSink() as sink:
        outcomes = send(sender_to(small, sink), *readers(50))

    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert len(sink.messages) == 50


def test_a_fault_of_all_relays_names_each() -> None:
    """Whoever looks sees both reasons."""
    with (
        SmtpSink(Plan(size=10)) as small,
        SmtpSink(Plan(size=20)) as smaller,
        pytest.raises(SenderFault) as fault,
    ):
        send(sender_to(small, smaller), *readers(50))

    assert "the server takes 10;" in str(fault.value)
    assert "the server takes 20;" in str(fault.value)


def test_an_outage_beside_a_fault_is_an_outage() -> None:
    """Waiting may help with one of them."""
    with SmtpSink() as gone:
        dead = relay(gone)
    with SmtpSink(Plan(size=10)) as small, pytest.raises(SenderUnavailable) as outage:
        send(hasty(smtp.build({"relays": [dead, relay(small)]})), *readers(50))

    assert not isinstance(outage.value, SenderFault)


def test_a_backup_carries_only_while_no_other_can() -> None:
    """Nothing goes there while the first relay lives, everything when it is dead."""
    with SmtpSink() as gone:
        dead = relay(gone)
    with SmtpSink() as first, SmtpSink() as backup:
        alive = hasty(smtp.build({"relays": [relay(first), relay(backup, backup=True)]}))
        send(alive, *readers(100))
        assert (len(first.messages), len(backup.messages)) == (100, 0)

        send(hasty(smtp.build({"relays": [dead, relay(backup, backup=True)]})), *readers(50))
        assert len(backup.messages) == 50


def test_a_relay_that_comes_back_is_used_again() -> None:
    """A backup hands over when the first relay answers again."""
    busy = Rule(at=At.GREETING, reply="421 4.3.2 busy", drop=True, times=3)
    slow = Rule(at=At.DOT, delay_s=0.1)
    with SmtpSink(Plan(rules=(busy,))) as first, SmtpSink(Plan(rules=(slow,))) as backup:
        sender = hasty(
            smtp.build({"relays": [relay(first), relay(backup, backup=True, connections=1)]})
        )
        # Late enough for the backup to have begun, on any machine.
        late = replace(
            sender, relays=tuple(dataclasses.replace(r, revive_wait=2.0) for r in sender.relays)
        )
        outcomes = send(late, *readers(60))

    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert first.messages
    assert backup.messages
    assert len(first.messages) + len(backup.messages) == 60


def test_a_server_that_takes_n_messages_a_connection_is_asked_for_no_more() -> None:
    """Every connection after the first ends politely after n messages."""
    rule = Rule(
        at=At.MAIL,
        reply="421 4.7.0 too many messages",
        skip=5,
        each=Each.CONNECTION,
        drop=True,
    )
    work = work_for(*readers(40))
    with SmtpSink(Plan(rules=(rule,))) as sink:
        carry(sender_to(sink, connections=1), work)

    assert sum(work.returns.values()) == 1
    assert work.said == [Deferred(421, "4.7.0 too many messages")]
    assert set(Counter(got.connection for got in sink.messages).values()) == {5}


def test_limits_go_by_the_name_of_the_relay() -> None:
    """The throttle and `Work.take` call a relay the same."""
    sender = smtp.build(
        {
            "relays": [
                {"host": "a.example.org", "rate": "600/min", "daily": 5000},
                {
                    "host": "b.example.org",
                    "name": "b",
                    "warm_up": [50, 100],
                    "warm_up_from": date(2027, 1, 31),
                },
            ]
        }
    )

    assert sender.limits == {
        "a.example.org:587": RelayLimits(rate=10.0, daily=5000),
        "b": RelayLimits(warm_up=(50, 100), warm_up_from=date(2027, 1, 31)),
    }
