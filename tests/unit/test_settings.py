"""newsletter.toml: what is taken, what is refused, and where the mistake stands."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.settings import find_workspace, load
from pipeline.settings.lines import key_lines


def workspace(tmp_path: Path, text: str) -> Path:
    """Write newsletter.toml into a folder; return the folder."""
    (tmp_path / "newsletter.toml").write_text(text, encoding="utf-8")
    return tmp_path


def refusal(tmp_path: Path, text: str) -> str:
    """Return what `load` says about a file it does not take."""
    with pytest.raises(ConfigError) as caught:
        load(workspace(tmp_path, text), {})
    return str(caught.value)


def test_defaults_hold_without_a_workspace() -> None:
    """A file can be built where there is no newsletter.toml."""
    settings = load(None, {})

    assert settings.newsletter.newsletter().name == "Newsletter"
    assert settings.sender.kind == "eml"


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    """Every table arrives as the value the rooms know."""
    settings = load(
        workspace(
            tmp_path,
            """
[newsletter]
name = "The Quay"
site_url = "https://quay.example.org/"
from = "Quay <quay@bücher.example>"
postal_address = '''
1 Quay Lane
Port Example'''
[schedule]
day = "friday"
catch_up = "36h"
[sender]
kind = "smtp"
host = "localhost"
""",
        ),
        {},
    )
    newsletter = settings.newsletter.newsletter()

    assert newsletter.site_url == "https://quay.example.org"
    assert newsletter.sender.address == "quay@xn--bcher-kva.example"
    assert newsletter.postal_address == "1 Quay Lane\nPort Example"
    assert settings.schedule.catch_up == timedelta(hours=36)
    assert settings.sender.options == {"host": "localhost"}


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """A deployment changes a setting without touching the file; secrets come this way."""
    folder = workspace(tmp_path, '[sender]\nkind = "smtp"\nhost = "a"\n')
    settings = load(
        folder, {"BROADSHEET_SENDER__HOST": "b", "BROADSHEET_SENDER__PASSWORD": "hush"}
    )

    assert settings.sender.options["host"] == "b"
    assert settings.sender.password is not None
    assert settings.sender.password.reveal() == "hush"
    assert "hush" not in repr(settings)
    assert "hush" not in f"{settings.sender.password}"


def test_the_environment_is_text_and_becomes_what_is_wanted() -> None:
    """Numbers, booleans and durations can be set there, and mistakes say where they stand."""
    settings = load(
        None, {"BROADSHEET_NEWSLETTER__SINCE": "2001", "BROADSHEET_CONSENT__WELCOME": "false"}
    )

    assert settings.newsletter.since == 2001
    assert settings.consent.welcome is False
    with pytest.raises(
        ConfigError, match=r"^environment: consent\.welcome: expected true or false"
    ):
        load(None, {"BROADSHEET_CONSENT__WELCOME": "perhaps"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[newsletter]\nnam = "x"\n', ":2: newsletter.nam: no such setting; did you mean 'name'?"),
        ('[newsletter]\nfrmo = "x"\n', "did you mean 'from'?"),
        ("[sendr]\nkind = 'x'\n", ":1: sendr: no such setting; did you mean 'sender'?"),
        ('[newsletter]\n\n# why\nsite_url = "quay"\n', ":4: newsletter.site_url: an absolute"),
        ('[newsletter]\nfrom = "nobody"\n', ":2: newsletter.from: an address such as"),
        ('[schedule]\nday = "freitag"\n', ":2: schedule.day:"),
        ('[schedule]\nzone = "Europe/Lundon"\n', ":2: schedule.zone: a time zone such as"),
        ('[schedule]\ncatch_up = "soon"\n', ":2: schedule.catch_up: a duration is"),
        ('[sender]\npassword = "x"\n', ":2: sender.password: a password does not belong"),
        ("[newsletter\n", "at line 1"),
        ("sender = 3\n", "sender"),
        ("[lists]\ndaily = 3\n", ":2: lists.daily: must be a table: [lists.daily]"),
        ("[delivery]\nuncertain = 'drop'\n", ":2: delivery.uncertain: one of 'hold', 'resend'"),
        ("[newsletter]\nsince = 'x'\n", "since: expected a whole number, got text in quotes"),
        ("[newsletter]\nsince = true\n", "since: expected a whole number, got true or false"),
        ("[newsletter]\nsite_url = 'http://['\n", ":2: newsletter.site_url: an absolute"),
        ("[newsletter]\nsince = 1066\n", "expected a whole number >= 1990"),
        ('[schedule]\ntime = "9:00"\n', ":2: schedule.time: a time of day"),
        ("[delivery]\nretry_after = ['5m', 'x']\n", ":2: delivery.retry_after: a duration"),
        ("[delivery]\ndomains = { a = '1/q' }\n", ":2: delivery.domains.a: expected a rate"),
        ("[site]\nhub = 'http://hub.example.org'\n", ":2: site.hub: an address with https"),
        ("[check]\n\nseverity = { P9999 = 'off' }\n", ":3: check.severity: no check is called"),
        ("[dkim]\nsecond_selector = 'x'\n", ":2: dkim.second_selector: belongs together"),
        ("[feedback]\nmailbox = 'imap'\n", ":2: feedback.mailbox: imap needs imap_host"),
    ],
)
def test_a_mistake_names_its_line(tmp_path: Path, text: str, expected: str) -> None:
    """The message says file, line, setting and remedy."""
    message = refusal(tmp_path, text)

    assert "newsletter.toml" in message
    assert expected in message


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    """Nobody has to fix a file one message at a time."""
    message = refusal(tmp_path, '[newsletter]\nfrom = "x"\n[schedule]\nday = "x"\n')

    assert len(message.splitlines()) == 2


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """Bytes of another encoding get a sentence, not a traceback."""
    (tmp_path / "newsletter.toml").write_bytes(b'[newsletter]\nname = "caf\xe9"\n')

    with pytest.raises(ConfigError, match="not UTF-8"):
        load(tmp_path, {})


def test_the_nearest_workspace_above_is_found(tmp_path: Path) -> None:
    """Commands work from inside issues/ as git does."""
    workspace(tmp_path, "")
    inner = tmp_path / "issues" / "drafts"
    inner.mkdir(parents=True)

    assert find_workspace(inner) == tmp_path


def test_lines_are_found_past_values_of_many_lines() -> None:
    """Multi-line strings, arrays and inline tables do not shift the count."""
    text = 'a = """\n[x]\nb = 1"""\nc = [\n  1, # [y]\n  2]\n[t.u]\nd = {e = 1}\n[[k]]\nf = 2\n'

    assert key_lines(text) == {
        ("a",): 1,
        ("c",): 4,
        ("t", "u"): 7,
        ("t", "u", "d"): 8,
        ("t", "u", "d", "e"): 8,
        ("k",): 9,
        ("k", "f"): 10,
    }


def test_names_of_lists_and_webhooks_are_checked_with_their_line(tmp_path: Path) -> None:
    """They stand in addresses; a mistake inside one names the table it is in."""
    (tmp_path / "newsletter.toml").write_text(
        '[lists.Weekly]\ntitle = "x"\n[lists.daily]\ntitel = "y"\n'
        '[feedback.webhooks.ses]\nkind = "fax"\n',
        encoding="utf-8",
    )

    with pytest.raises(ConfigError) as mistake:
        load(tmp_path, {})

    first, second, third = str(mistake.value).splitlines()
    assert first.endswith(
        ":1: lists.Weekly: a name has small letters, digits and hyphens, at most 40"
    )
    assert second.endswith(":4: lists.daily.titel: no such setting; did you mean 'title'?")
    assert ":6: feedback.webhooks.ses.kind: " in third
