"""The whole walk on a sample workspace, to invented readers, and the proof that it adds up."""

from __future__ import annotations

import email
import email.policy
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from pipeline.delivery.report import Progress
from pipeline.errors import BroadsheetError, NotAllowed
from pipeline.model.delivery import DeliveryStatus
from pipeline.model.entry import Entry
from pipeline.operations.approve import Approve
from pipeline.operations.build import Build, Built
from pipeline.operations.deliver import Delivered
from pipeline.operations.enrol import Enrol
from pipeline.operations.publish import Publish
from pipeline.operations.send import Send
from pipeline.operations.unsubscribe import Unsubscribe
from pipeline.testing.inbox import Received
from pipeline.testing.sink import SmtpSink

_NAMES = ("Ada", "Bo", "Chi", "Dag", "Eun", "Fay", "Gus", "Hal", "Ida", "Jun")


class DemoFailed(BroadsheetError):
    """Something does not add up; the message says what."""


class Demo(Struct, frozen=True, kw_only=True):
    """Build, check, approve, publish, import, send to a mail server on loopback, prove."""

    build: Build
    approve: Approve
    publish: Publish
    enrol: Enrol
    send_to: Callable[[str, int], Send]  # host and port of the mail server
    unsubscribe: Unsubscribe
    say: Callable[[str], None]

    def __call__(
        self,
        folder: Path,
        files: Sequence[Path],
        *,
        people: int,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        """Walk it all in an empty workspace.

        Args:
            folder: of the workspace; the invented people and one message are put there.
            files: its issues; the last one is sent.
            people: how many readers to invent.
            progress: told of each delivery.

        Raises:
            DemoFailed: a number is not what it has to be.
        """
        built = self._build(files)
        entries = self._approve_and_publish(built)
        self._import(folder / "people.csv", people)
        with SmtpSink() as sink:
            send = self.send_to(sink.host, sink.port)
            rehearsal = send.rehearse(entries[-1].id)
            left_out = sum(rehearsal.left_out.values())
            self.say(f"send     {rehearsal.people} to mail, {left_out} left out (dry run)")
            delivered = send(entries[-1].id, progress=progress)
            self._prove(send, delivered, sink.messages, people)
        sample = folder / "as-received.eml"
        sample.write_bytes(sink.messages[0].data)
        self.say(f"ledger   balances: {people} people = {people} accepted, each exactly once")
        self.say("again    refused: nobody gets an issue twice")
        self.say(f"\nlook at  {self.build.outbox.root / 'index.html'}   every entry and its parts")
        self.say(f"         {self.publish.site / 'index.html'}   the public page and its feeds")
        self.say(f"         {sample}   one message as it arrived")

    def _build(self, files: Sequence[Path]) -> tuple[Built, ...]:
        built = self.build(files)
        for each in built:
            counts = each.entry.counts
            self.say(
                f"build    {each.entry.id}: {_many(counts.stories, 'story', 'stories')}, "
                f"{counts.minutes} min read, {_many(each.entry.errors, 'error', 'errors')}, "
                f"{_many(each.entry.warnings, 'warning', 'warnings')}"
            )
        _require(not any(each.entry.errors for each in built), "preflight finds errors")
        again = self.build(files)
        _require(not any(each.changed for each in again), "a second build wrote something")
        return built

    def _approve_and_publish(self, built: tuple[Built, ...]) -> list[Entry]:
        entries = [self.approve(each.entry.id, by="demo")[0] for each in built]
        self.say(f"approve  {', '.join(entry.id for entry in entries)}")
        publication = self.publish()
        feeds = [file.name for file in publication.files if file.parent == self.publish.site]
        published = _many(len(publication.items), "issue", "issues")
        self.say(f"publish  {published}: {', '.join(feeds)}")
        _require(len(publication.items) == len(entries), "an issue is not in the feeds")
        _require(not self.publish().changed, "publishing again changed a file")
        return entries

    def _import(self, file: Path, people: int) -> None:
        file.write_text("\n".join(_invented_rows(people)) + "\n", encoding="utf-8")
        report = self.enrol.file(file, source="invented for the demo")
        self.say(
            f"import   {report.total} rows: {report.new} new, {report.duplicate} duplicate, "
            f"{report.invalid} invalid, {report.suppressed} suppressed"
        )
        _require(report.balances and report.new == people, "the import does not balance")

    def _prove(
        self, send: Send, delivered: Delivered, received: Sequence[Received], people: int
    ) -> None:
        by_status = delivered.counts.by_status
        self.say(
            f"deliver  {by_status[DeliveryStatus.ACCEPTED]} of {people} accepted, "
            f"dispatch {delivered.dispatch.id} is {delivered.dispatch.state}"
        )
        if delivered.report.paused_reason:
            raise DemoFailed(delivered.report.paused_reason)
        _require(delivered.counts.balances, "the ledger does not balance")
        _require(by_status[DeliveryStatus.ACCEPTED] == people, "somebody was not accepted")
        arrived = Counter(message.recipient for message in received)
        _require(len(arrived) == people, "the server did not see everybody")
        _require(set(arrived.values()) == {1}, "the server saw somebody twice")
        _require(len({m.message_id for m in received}) == people, "Message-IDs are not unique")
        self._prove_message(received[0])
        try:
            send(delivered.dispatch.entry)
        except NotAllowed:
            return
        raise DemoFailed("a finished dispatch could be sent again")

    def _prove_message(self, received: Received) -> None:
        message = email.message_from_bytes(received.data, policy=email.policy.default)
        _require(not message.defects, "a message has defects")
        kinds = [part.get_content_type() for part in message.iter_parts()]
        _require(kinds == ["text/plain", "text/html"], "a message has not two parts")
        link = str(message["List-Unsubscribe"]).split(",")[0].strip(" <>")
        _require(
            self.unsubscribe.look(link.rpartition("/")[2]) is not None,
            "a link would not unsubscribe",
        )


def _invented_rows(people: int) -> Iterator[str]:
    """Yield a CSV file as they come in life: somebody twice, somebody gone, somebody misspelt."""
    yield "email,name,status"
    for number in range(1, people + 1):
        name = _NAMES[number % len(_NAMES)]
        yield f"reader{number:04}@example.org,{name},subscribed"
    yield "READER0001@EXAMPLE.ORG,Ada again,subscribed"
    yield "no-longer-here@example.org,Kim,unsubscribed"
    yield "no at sign,Lee,subscribed"


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def _require(true: bool, otherwise: str) -> None:
    if not true:
        raise DemoFailed(f"it does not add up: {otherwise}")
