"""Wiring: an opened workspace in, operations out. The only file that puts rooms together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pipeline import plugins
from pipeline.editorship import Editorship
from pipeline.model.ports import Sender, StreamingSender
from pipeline.readership import Readership

if TYPE_CHECKING:  # each operation brings its rooms; a command pays only for its own
    from pipeline.operations.control import Control
    from pipeline.operations.deliver import Deliver
    from pipeline.operations.demo import Demo
    from pipeline.operations.diagnose import Diagnose
    from pipeline.operations.reopen import Reopen
    from pipeline.operations.rotate_keys import RotateKeys
    from pipeline.operations.schedule import Schedule
    from pipeline.operations.send import Send
    from pipeline.operations.send_one import SendOne
    from pipeline.operations.tick import Tick
    from pipeline.preflight.catalogue import Check


def diagnostic_codes() -> dict[str, str]:
    """Return every stable code with what it is about, the reader's first."""
    from pipeline.formats.codes import CODES as READER_CODES
    from pipeline.images.codes import CODES as PICTURE_CODES
    from pipeline.preflight.catalogue import checks
    from pipeline.render.lint import CODES as TEMPLATE_CODES

    about = {code: check.what for code, check in checks().items()}
    return {**READER_CODES, **PICTURE_CODES, **about, **TEMPLATE_CODES}


def explained(code: str) -> Check | None:
    """Return the whole explanation of a check; None for codes of reading, which have one line."""
    from pipeline.preflight.catalogue import checks

    return checks().get(code)


class App(Editorship, Readership, frozen=True, kw_only=True):
    """Everything a door may ask of a workspace."""

    def schedule(self) -> Schedule:
        """Make dispatches."""
        from pipeline.operations.schedule import Schedule

        return Schedule(outbox=self.outbox(), dispatches=self.dispatches, clock=self.clock)

    def deliver(self, sender: Sender | StreamingSender | None = None) -> Deliver:
        """Work on dispatches, with the way out of the settings or another."""
        from pipeline.operations.deliver import Deliver

        settings = self.settings.delivery
        return Deliver(
            outbox=self.outbox(),
            dispatches=self.dispatches,
            ledger=self.ledger,
            throttles=self.throttles,
            sender=sender or self.sender(),
            newsletter=self.newsletter,
            keys=self.keys,
            list_numbers=self.list_numbers,
            lists=self.lists,
            return_path=self.return_path,
            sign=self.sign,
            recover=self.recover(),
            hear=self.hear(),
            domains=settings.domains,
            sync_each=settings.sync == "each",
            loop=settings.loop,
            clock=self.clock,
        )

    def send(self, sender: Sender | StreamingSender | None = None) -> Send:
        """Send an entry now, with the way out of the settings or another."""
        from pipeline.operations.send import Send

        return Send(schedule=self.schedule(), deliver=self.deliver(sender))

    def send_one(self, kind: str | None = None) -> SendOne:
        """Send one message to one address."""
        from pipeline.operations.send_one import SendOne

        return SendOne(
            outbox=self.outbox(),
            sender=self.sender(kind),
            newsletter=self.newsletter,
            sign=self.sign,
            clock=self.clock,
        )

    def control(self) -> Control:
        """Pause, resume and cancel dispatches."""
        from pipeline.operations.control import Control

        return Control(dispatches=self.dispatches, recover=self.recover(), clock=self.clock)

    def reopen(self) -> Reopen:
        """Decide about uncertain and refused deliveries."""
        from pipeline.operations.reopen import Reopen

        return Reopen(
            dispatches=self.dispatches,
            ledger=self.ledger,
            recover=self.recover(),
            clock=self.clock,
        )

    def tick(self) -> Tick:
        """Do what is due."""
        from pipeline.operations.tick import Tick

        return Tick(
            outbox=self.outbox(),
            dispatches=self.dispatches,
            slots=self.slots,
            schedule=self.schedule(),
            deliver=self.deliver(),
            keep_word=self.keep_word(),
            notify=self.notify(),
            erase=self.erase(),
            unread=self.unread,
            keep=self.settings.feedback.keep,
            slot=self.slot,
            catch_up=self.settings.schedule.catch_up,
            clock=self.clock,
        )

    def rotate_keys(self) -> RotateKeys:
        """Change the key that signs links."""
        from pipeline.operations.rotate_keys import RotateKeys

        return RotateKeys(file=self.data / "secret.key")

    def diagnose(self) -> Diagnose:
        """Look at it all as a mailbox provider would."""
        from pipeline.operations.diagnose import Diagnose

        dkim = self.settings.dkim
        keys = ((dkim.key_file, dkim.selector), (dkim.second_key_file, dkim.second_selector))
        return Diagnose(
            outbox=self.outbox(),
            newsletter=self.newsletter,
            renderer=lambda: self.renderer,
            sender_kind=self.settings.sender.kind,
            sender_options=self.settings.sender.options,
            key_files=tuple((self.root / file, name) for file, name in keys if file and name),
            signing_domain=dkim.domain or self.newsletter.mail_domain,
            envelope_domain=(
                self.settings.feedback.return_path_domain or self.newsletter.mail_domain
            ),
            data=self.data,
            database=lambda: self.database,
            keys=lambda: self.keys,
            clock=self.clock,
        )

    def demo(self, *, say: Callable[[str], None]) -> Demo:
        """Walk the whole way in this workspace."""
        from pipeline.operations.demo import Demo

        return Demo(
            build=self.build(),
            approve=self.approve(),
            publish=self.publish(),
            enrol=self.enrol(),
            send_to=lambda host, port: self.send(
                plugins.load("senders", "smtp")({"host": host, "port": port})
            ),
            unsubscribe=self.unsubscribe(),
            say=say,
        )
