"""The subscribe form against strangers: bombing, enumeration, forgery, other sites."""

from __future__ import annotations

import random as randomness
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import pytest
from httpx2 import Response
from starlette.applications import Starlette
from starlette.testclient import TestClient

from pipeline.app import App
from pipeline.audience.tokens import Action
from pipeline.model.notice import NoticeKind
from pipeline.model.subscriber import ConsentAction, ListId, SubscriberState, SuppressionReason
from pipeline.web.questions import Questions
from pipeline.web.rates import LIMITS, Limit, Rule
from pipeline.web.subscribe import PACE_S
from tests.integration.web_door import (
    HOST,
    START,
    Hands,
    door,
    everything,
    link,
    stamp,
    states,
    subscribe,
    workspace,
)

pytestmark = pytest.mark.integration


@pytest.fixture
def clock() -> Hands:
    """A clock to turn."""
    return Hands()


@pytest.fixture
def app(tmp_path: Path, clock: Hands) -> App:
    """An empty workspace with two lists."""
    return workspace(tmp_path, clock)


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    """A browser somewhere."""
    with door(app) as client:
        yield client


def send(client: TestClient, clock: Hands, address: str, **fields: str) -> Response:
    """Fill in the form as a person does, and send it."""
    shown = stamp(client.get("/subscribe").text)
    clock.turn(timedelta(seconds=5))
    answer = client.post(
        "/subscribe", data={"address": address, "list": "main", "shown": shown, **fields}
    )
    settle(client)
    return answer


def settle(client: TestClient) -> None:
    """Wait until all that was asked at the door is written down."""
    assert client.portal is not None
    assert isinstance(client.app, Starlette)
    questions = client.app.state.questions
    assert isinstance(questions, Questions)
    client.portal.call(questions.asked)


def questions(app: App) -> int:
    """Return how many confirmation mails are to go out."""
    due = app.notices.due(START + timedelta(days=99), 100_000)
    return sum(each.kind == NoticeKind.CONFIRM for each in due)


def test_a_form_asks_and_only_the_mail_decides(app: App, client: TestClient, clock: Hands) -> None:
    """Address, name, lists, words and client are written down; nobody is subscribed."""
    form = client.get("/subscribe").text
    answer = send(client, clock, "Robin@example.org", name="Robin\r\nBcc: x", list="tides")

    found = app.subscribers.find("robin@example.org")
    assert answer.status_code == 200
    assert found is not None
    assert states(app, found) == {ListId(1): SubscriberState.PENDING}
    (word,) = app.subscribers.on(ListId(1)).consents(found)
    assert (word.action, word.method) == (ConsentAction.ASKED, "web")
    assert word.source == f"https://{HOST}/subscribe"
    assert word.wording in form
    assert len(word.client) == 16
    assert questions(app) == 1


def test_the_whole_way_through_pages(app: App, client: TestClient, clock: Hands) -> None:
    """Ask, look, confirm, look again: each step says what is so, and only POST takes it."""
    send(client, clock, "robin@example.org")
    found = app.subscribers.find("robin@example.org")
    assert found is not None
    confirm = link(app, Action.CONFIRM, found)

    page = client.get(confirm)
    assert "r…@example.org" in page.text
    assert states(app, found) == {ListId(0): SubscriberState.PENDING}
    for _ in range(2):
        answer = client.post(confirm)
        assert answer.status_code == 200
        assert "You are subscribed" in answer.text
    assert states(app, found) == {ListId(0): SubscriberState.ACTIVE}
    assert "You are subscribed" in client.get(confirm).text


def test_a_confirmation_expires(app: App, client: TestClient, clock: Hands) -> None:
    """After three days the link says so, offers the form, and changes nothing."""
    send(client, clock, "robin@example.org")
    found = app.subscribers.find("robin@example.org")
    assert found is not None
    clock.turn(timedelta(hours=73))

    for answer in (
        client.get(link(app, Action.CONFIRM, found)),
        client.post(link(app, Action.CONFIRM, found)),
    ):
        assert answer.status_code == 410
        assert 'href="/subscribe"' in answer.text
    assert states(app, found) == {ListId(0): SubscriberState.PENDING}


def test_the_answer_is_the_same_whoever_asks(app: App, client: TestClient, clock: Hands) -> None:
    """New, pending, active, gone, suppressed, erased: one status, and the same bytes."""
    send(client, clock, "pending@example.org")
    subscribe(app, "active@example.org")
    gone = subscribe(app, "gone@example.org")
    client.post(link(app, Action.UNSUBSCRIBE, gone))
    for reason in SuppressionReason:
        app.suppressions.add(f"{reason}@example.org", reason, now=START)

    answers = [
        send(client, clock, f"{who}@example.org")
        for who in ("new", "pending", "active", "gone", *SuppressionReason)
    ]

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(answer.headers.items()) for answer in answers}) == 1


def test_the_answer_takes_as_long_whoever_asks(app: App, clock: Hands) -> None:
    """The least for people we know is within a tenth of that for people we do not."""
    for number in range(9):
        subscribe(app, f"known{number}@example.org")
    took: dict[str, list[float]] = {"new": [], "known": []}
    with door(app, pace_s=PACE_S) as client:
        for number in range(9):
            for who, times in took.items():
                shown = stamp(client.get("/subscribe").text)
                clock.turn(timedelta(minutes=5))
                form = {"address": f"{who}{number}@example.org", "list": "main", "shown": shown}
                begun = perf_counter()
                answer = client.post("/subscribe", data=form)
                times.append(perf_counter() - begun)
                assert "Please look into your mailbox" in answer.text

    # The least, for a busy machine only ever adds.
    assert min(took["new"]) == pytest.approx(min(took["known"]), rel=0.1)


def test_a_thousand_forms_for_one_person_are_one_mail(
    app: App, client: TestClient, clock: Hands
) -> None:
    """From a thousand networks, within a day, whatever the letter case."""
    shown = stamp(client.get("/subscribe").text)
    clock.turn(timedelta(seconds=5))
    with door(
        workspace(app.root, clock, proxies=["192.0.2.1"]),
    ) as proxied:
        for number in range(1000):
            answer = proxied.post(
                "/subscribe",
                data={"address": "Victim@Example.org", "list": "main", "shown": shown},
                headers={"X-Forwarded-For": f"10.{number // 250}.{number % 250}.1"},
            )
            assert answer.status_code == 200
            clock.turn(timedelta(seconds=60))
        settle(proxied)

    assert questions(app) == 1


def test_sub_addresses_are_one_mailbox(app: App, clock: Hands) -> None:
    """Thirty of them within ten minutes are five mails, a day of them ten; who sent all looks alike."""
    limits = {**LIMITS, Rule.SUBSCRIBE_NETWORK: Limit(10**6, 1)}
    with door(workspace(app.root, clock), limits=limits) as client:
        answers = [send(client, clock, f"Victim+{number}@example.net") for number in range(30)]
        assert questions(app) == LIMITS[Rule.SUBSCRIBE_ADDRESS].most == 5
        for number in range(48):
            clock.turn(timedelta(minutes=29))
            answers.append(send(client, clock, f"victim+later{number}@example.net"))

        assert {(answer.status_code, answer.content) for answer in answers} == {
            (200, answers[0].content)
        }
        assert questions(app) == LIMITS[Rule.SUBSCRIBE_DAY].most == 10
        send(client, clock, "neighbour+1@example.net")
        assert questions(app) == 11


def test_a_domain_has_a_limit(app: App, clock: Hands) -> None:
    """Many mailboxes of one domain are later for everybody alike, known or not; others are not."""
    subscribe(app, "active@example.net")
    limits = {**dict.fromkeys(Rule, Limit(10**6, 1)), Rule.SUBSCRIBE_DOMAIN: Limit(5, 3600)}
    with door(app, limits=limits) as client:
        for number in range(5):
            assert send(client, clock, f"n{number}@example.net").status_code == 200
        late = [send(client, clock, f"{who}@Example.NET") for who in ("active", "n0", "new")]
        other = send(client, clock, "new@example.org")

    assert {answer.status_code for answer in late} == {429}
    assert len({answer.content for answer in late}) == 1
    assert late[0].headers["retry-after"] == "3600"
    assert other.status_code == 200
    assert questions(app) == 6


@pytest.mark.parametrize(
    ("theirs", "elsewhere"),
    [("2001:db8:7:{:x}::1", "2001:db8:8::1"), ("10.1.{}.1", "10.2.0.1")],
)
def test_one_network_cannot_use_up_what_is_for_everybody(
    app: App, clock: Hands, theirs: str, elsewhere: str
) -> None:
    """A /48 or a /16, however it is cut, has a share; a reader elsewhere is served all the same."""
    limits = {
        **LIMITS,
        Rule.SUBSCRIBE_WIDE: Limit(5, 3600),
        Rule.SUBSCRIBE_WORLD: Limit(20, 3600),
    }
    with door(workspace(app.root, clock, proxies=["192.0.2.1"]), limits=limits) as client:
        shown = stamp(client.get("/subscribe").text)
        clock.turn(timedelta(seconds=5))

        def post(number: int, host: str) -> int:
            form = {"address": f"a{number}@example.org", "list": "main", "shown": shown}
            headers = {"X-Forwarded-For": host}
            return client.post("/subscribe", data=form, headers=headers).status_code

        statuses = [post(number, theirs.format(number)) for number in range(200)]
        honest = post(999, elsewhere)

    assert statuses == [200] * 5 + [429] * 195
    assert honest == 200


def test_everybody_together_has_a_limit(app: App, clock: Hands) -> None:
    """However many addresses and networks there are, the whole site has one limit."""
    limits = {**LIMITS, Rule.SUBSCRIBE_WORLD: Limit(50, 3600)}
    with door(workspace(app.root, clock, proxies=["192.0.2.1"]), limits=limits) as client:
        shown = stamp(client.get("/subscribe").text)
        clock.turn(timedelta(seconds=5))
        statuses = [
            client.post(
                "/subscribe",
                data={"address": f"a{number}@example.org", "list": "main", "shown": shown},
                headers={"X-Forwarded-For": f"10.0.{number}.1"},
            ).status_code
            for number in range(60)
        ]
        settle(client)

    assert statuses == [200] * 50 + [429] * 10
    assert questions(app) == 50


def test_a_network_has_a_limit(client: TestClient, clock: Hands) -> None:
    """The twenty-first form of one network within ten minutes is for later, and says when."""
    statuses = []
    for number in range(LIMITS[Rule.SUBSCRIBE_NETWORK].most + 1):
        answer = client.post("/subscribe", data={"address": f"a{number}@example.org"})
        statuses.append(answer.status_code)

    assert statuses == [200] * LIMITS[Rule.SUBSCRIBE_NETWORK].most + [429]
    assert answer.headers["retry-after"] == "600"
    clock.turn(timedelta(minutes=10))
    assert client.post("/subscribe", data={}).status_code == 200


def test_only_configured_proxies_say_who_asks(app: App) -> None:
    """X-Forwarded-For of anybody else is nobody's word: the limit holds."""
    with door(app) as client:
        statuses = [
            client.post(
                "/subscribe", data={}, headers={"X-Forwarded-For": f"10.0.{number}.1"}
            ).status_code
            for number in range(LIMITS[Rule.SUBSCRIBE_NETWORK].most + 1)
        ]

    assert statuses[-1] == 429


@pytest.mark.parametrize(
    "change",
    [
        {"shown": ""},
        {"shown": "A" * 24},
        {"headers": {"Sec-Fetch-Site": "cross-site"}},
        {"headers": {"Sec-Fetch-Site": "same-site"}},
        {"headers": {"Origin": "https://evil.example.net"}},
        {"headers": {"Origin": "null"}},
        {"after": timedelta(seconds=1)},
        {"after": timedelta(days=1, seconds=1)},
    ],
    ids=str,
)
def test_a_form_that_nobody_saw_here_is_shown_again(
    app: App, client: TestClient, clock: Hands, change: dict[str, object]
) -> None:
    """Another site, a robot, a page of yesterday: filled in already, one click away, nothing done."""
    shown = change.get("shown", stamp(client.get("/subscribe").text))
    after = change.get("after", timedelta(seconds=5))
    assert isinstance(after, timedelta)
    clock.turn(after)
    before = everything(app)

    answer = client.post(
        "/subscribe",
        data={"address": "robin@example.org", "name": "Robin", "list": "main", "shown": shown},
        headers=change.get("headers"),  # type: ignore[arg-type] # a table for three things
    )

    assert answer.status_code == 200
    assert 'value="robin@example.org"' in answer.text
    assert 'value="Robin"' in answer.text
    assert everything(app) == before
    clock.turn(timedelta(seconds=5))
    again = {"address": "robin@example.org", "list": "main", "shown": stamp(answer.text)}
    assert client.post("/subscribe", data=again).text != answer.text
    settle(client)
    assert questions(app) == 1


def test_who_fills_in_what_people_do_not_see_is_answered_and_forgotten(
    app: App, client: TestClient, clock: Hands
) -> None:
    """A robot gets the same page as everybody."""
    person = send(client, clock, "robin@example.org")
    robot = send(client, clock, "robot@example.org", remark="cheap pills")

    assert robot.content == person.content
    assert app.subscribers.find("robot@example.org") is None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "robin",
        "robin@",
        "a@b\r\nBcc: c@d.example.org",
        "<script>@example.org",
        "x" * 10_000_000,
    ],
    ids=lambda address: address[:20] or "nothing",
)
def test_what_is_no_address_is_said_politely(
    app: App, client: TestClient, clock: Hands, address: str
) -> None:
    """The form comes back with what was typed, escaped; ten megabytes are refused unread."""
    before = everything(app)
    answer = send(client, clock, address)

    assert answer.status_code == (413 if len(address) > 65_536 else 400)
    assert "<script" not in answer.text
    assert everything(app) == before


def test_lists_that_are_not_public_cannot_be_asked_for(
    app: App, client: TestClient, clock: Hands
) -> None:
    """Whatever a form claims, only what the page offers counts."""
    assert send(client, clock, "robin@example.org", list="secret").status_code == 400
    assert app.subscribers.find("robin@example.org") is None


@pytest.mark.parametrize(
    "host", ["evil.example.net", "quay.example.org.evil.example.net", "", "["]
)
def test_links_come_from_the_settings_never_from_a_request(
    app: App, client: TestClient, clock: Hands, host: str
) -> None:
    """A forged Host is refused, and those that may be forged by a proxy are in no page."""
    forged = {"X-Forwarded-Host": "evil.example.net", "Forwarded": "host=evil.example.net"}

    assert client.get("/subscribe", headers={"Host": host}).status_code == 400
    for path in ("/subscribe", "/subscribe/embed"):
        assert "evil.example.net" not in client.get(path, headers=forged).text
    send(client, clock, "robin@example.org")
    assert "evil" not in everything(app)


def test_quotes_are_letters(app: App, client: TestClient, clock: Hands) -> None:
    """SQL in any field is text of that field."""
    attack = "'; DROP TABLE subscriber; --"
    send(client, clock, "o'neill@example.org", name=attack, remark="")
    found = app.subscribers.find("o'neill@example.org")
    assert found is not None

    client.post(link(app, Action.CONFIRM, found))
    client.post(link(app, Action.PREFERENCES, found), data={"name": attack, "zone": attack})

    person = app.subscribers.get(found)
    assert person is not None
    assert person.name == attack
    assert person.zone is None


def test_the_snippet_leads_to_the_form(app: App, client: TestClient) -> None:
    """What other sites embed sends fields this form reads; a person presses one more button."""
    page = client.get("/subscribe/embed").text
    assert f"action=&#34;https://{HOST}/subscribe" in page or f"https://{HOST}/subscribe" in page

    answer = client.post(
        "/subscribe",
        data={"address": "robin@example.org"},
        headers={"Origin": "https://blog.example.net", "Sec-Fetch-Site": "cross-site"},
    )

    assert 'value="robin@example.org"' in answer.text
    assert questions(app) == 0


def test_odd_requests_are_answered(app: App, client: TestClient, clock: Hands) -> None:
    """No request, however odd, is our mistake; 10,000 of them change nobody's subscription."""
    random = randomness.Random(20261122)  # every time the same
    person = subscribe(app, "robin@example.org")
    links = [link(app, action, person) for action in Action]
    odd = [
        "",
        "\x00",
        "..",
        "%2e%2e",
        "ü",
        "A" * 32,
        "A" * 5000,
        "null",
        "%ff%fe",
        "{{7*7}}",
        "\u202e",
    ]
    methods = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW", "POST"]
    roots = [
        "/",
        "/subscribe",
        "/u/",
        "/c/",
        "/p/",
        "/d/",
        "/e/",
        "/hooks/",
        "/outbox/",
        "/issues/",
    ]
    headers = [
        "Accept-Language",
        "Content-Type",
        "Origin",
        "Sec-Fetch-Site",
        "Range",
        "If-None-Match",
    ]
    worst: list[tuple[int, str, str]] = []
    for _ in range(10_000):
        method = random.choice(methods)
        forged = random.choice(links)
        place = random.randrange(3, len(forged))
        broken = forged[:place] + random.choice("AZaz09-_") + forged[place + 1 :]
        path = random.choice(
            [
                random.choice(roots) + random.choice(odd) + random.choice(["", "/undo", "/erase"]),
                broken if broken not in links else "/",
                "/subscribe?lang=" + random.choice(odd),
            ]
        )
        answer = client.request(
            method,
            path.replace("\x00", "%00").replace("?lang=\u202e", "?lang=%E2%80%AE"),
            headers={random.choice(headers): random.choice(["", "x" * 900, "0-,-", "null"])},
            content=random.choice(
                [b"", b"\xff" * 50, b"a=b&" * 600, b"{", b"address=%00&shown=x"]
            ),
        )
        if answer.status_code >= 500:
            worst.append((answer.status_code, method, path))
        clock.turn(timedelta(seconds=40))

    assert worst == []
    assert states(app, person) == {ListId(0): SubscriberState.ACTIVE}
