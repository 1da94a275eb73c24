"""Make a workspace, and start issues in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from msgspec import Struct

from pipeline.errors import ConfigError
from pipeline.formats.markdown_writer import write_markdown
from pipeline.model.content import Link, Paragraph
from pipeline.model.issue import Issue, Section, Source, Story

SETTINGS: Final = """\
[newsletter]
name = {name}
tagline = ""                                  # one line under the name
site_url = "https://news.example.org"         # where feeds, pages and unsubscribe links live
from = "newsletter@news.example.org"          # an address of your own domain
postal_address = ""                           # required by law: nothing is approved without it
language = "en"

[schedule]
# day = "friday"                              # send the next approved issue every week
time = "09:00"
zone = "UTC"                                  # such as "Europe/London"

[sender]
kind = "eml"                                  # writes messages to a folder: nothing leaves yet
folder = "data/sent"
# kind = "smtp"
# host = "smtp.example.org"
# port = 587
# user = "newsletter"                         # password: BROADSHEET_SENDER__PASSWORD

# Lists beside "main", the one that is always there; the form at /subscribe offers them.
# [lists.tides]
# title = "Tide tables"

# Names for rules: broadsheet send 001 --where vip
# [segments]
# vip = "tag is vip"

# Where bounces go and arrive; without it nobody is given up. docs/feedback.md
# [feedback]
# return_path_domain = "bounces.news.example.org"
# mailbox = "maildir:data/returned"           # or "mbox:PATH", or "imap" with imap_host, ...

# The web server with TLS before `broadsheet serve`:
# [web]
# trusted_proxies = ["127.0.0.1"]
"""

IGNORED: Final = """\
/data/
/site/
/outbox/.lock
"""


class Init(Struct, frozen=True, kw_only=True):
    """Make a folder in which `broadsheet build` works at once."""

    today: date

    def __call__(self, folder: Path) -> tuple[Path, ...]:
        """Write the files of a new workspace; return them.

        Raises:
            ConfigError: one of the files is there already; nothing was written.
        """
        files = dict(self._files(folder.resolve().name or "Newsletter"))
        present = [name for name in files if (folder / name).exists()]
        if present:
            raise ConfigError(f"{folder}: has {', '.join(present)} already; choose another folder")
        return tuple(_write_new(folder / name, text) for name, text in files.items())

    def _files(self, name: str) -> Iterator[tuple[str, str]]:
        title = re.sub(r"[-_]+", " ", name).strip().title()
        quoted = '"' + "".join(c for c in title if c.isprintable() and c not in '"\\') + '"'
        yield "newsletter.toml", SETTINGS.format(name=quoted)
        yield "issues/001.md", write_markdown(_first_issue(self.today))
        yield ".gitignore", IGNORED


class NewIssue(Struct, frozen=True, kw_only=True):
    """Start an issue file with the next free number."""

    folder: Path
    today: date

    def __call__(self, title: str) -> Path:
        """Write the file; return it.

        Raises:
            ConfigError: the folder cannot be written to.
        """
        stems = [file.stem for file in self.folder.glob("*")] if self.folder.is_dir() else []
        numbers = [int(found.group()) for stem in stems if (found := re.match(r"\d+", stem))]
        number = max(numbers, default=0) + 1
        issue = Issue(
            title=title,
            number=str(number),
            date=self.today,
            sections=(Section(title="News", stories=(_first_story(),)),),
        )
        return _write_new(self.folder / f"{number:03}.md", write_markdown(issue))


def _first_story() -> Story:
    return Story(
        title="A headline of your own",
        tldr=("One sentence for people in a hurry.",),
        body=(Paragraph(("What happened, and why it matters to the people who read you.",)),),
        source=Source(anchor="Where it was reported", url="https://example.org/"),
    )


def _first_issue(today: date) -> Issue:
    link = Link("https://commonmark.org/help/", ("Markdown",))
    return Issue(
        title="The First Issue",
        subtitle="A line that inboxes show after the subject",
        number="1",
        date=today,
        intro=(Paragraph(("This file is ", link, ". Change it, then build it again.")),),
        sections=(Section(title="News", stories=(_first_story(),)),),
    )


def _write_new(file: Path, text: str) -> Path:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
    return file
