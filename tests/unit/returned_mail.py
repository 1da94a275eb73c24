"""Mail that came back, and what hears it: the real thing on a database of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pipeline.audience.secrets import Keys
from pipeline.audience.tokens import ReturnPath, Tokens, address_hasher
from pipeline.feedback.policy import FeedbackRules
from pipeline.feedback.sources.keep import Unread
from pipeline.model.ports import Clock
from pipeline.operations.collect import Receive
from pipeline.operations.hear import Hear
from pipeline.storage.dispatches import Dispatches
from pipeline.storage.engine import Database, open_database
from pipeline.storage.feedbacks import Feedbacks
from pipeline.storage.schema import feedback
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.suppressions import Suppressions

NOW: Final = datetime(2026, 11, 22, 9, tzinfo=UTC)
KEYS: Final = Keys((b"k" * 32,))

UNREADABLE: Final = b"From: Ann <ann@example.org>\r\nSubject: lunch\r\n\r\nAt noon?\r\n"


def bounce(reader: str = "ann@example.org") -> bytes:
    """Return a mail that says that a reader is unknown."""
    return (
        b"Return-Path: <>\r\nFrom: MAILER-DAEMON@example.net\r\nSubject: failure notice\r\n\r\n"
        b"<" + reader.encode() + b">: user unknown\r\n"
    )


def database(folder: Path) -> Database:
    """Return a new database."""
    return open_database(folder / "broadsheet.db")


def hearing(opened: Database, *, clock: Clock = lambda: NOW) -> Hear:
    """Return what hears, and records in a database."""
    hasher = address_hasher(KEYS)
    return Hear(
        feedbacks=Feedbacks(opened),
        subscribers=Subscribers(opened, hasher),
        suppressions=Suppressions(opened, hasher),
        dispatches=Dispatches(opened),
        tokens=Tokens(KEYS),
        return_path=ReturnPath(KEYS, "bounces.news.example.org"),
        keys=KEYS,
        mail_domain="news.example.org",
        rules=FeedbackRules(),
        clock=clock,
    )


def receiving(folder: Path, opened: Database, *, clock: Clock = lambda: NOW) -> Receive:
    """Return what takes in mail, and keeps what nobody can read in a folder."""
    return Receive(
        hear=hearing(opened, clock=clock),
        unread=Unread(folder / "feedback" / "unread"),
        clock=lambda: NOW,
    )


def recorded(opened: Database) -> int:
    """Return how many verdicts are on record."""
    with opened.reading() as connection:
        return len(connection.execute(feedback.select()).all())
