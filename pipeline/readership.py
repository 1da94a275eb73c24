"""Wiring of everything that concerns readers: their words, their links, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipeline.errors import ConfigError
from pipeline.model.audience import Audience, MailingList
from pipeline.model.subscriber import MAIN_NAME, ListId
from pipeline.settings.values import Name
from pipeline.workspace import Workspace, read_secret

if TYPE_CHECKING:  # each brings its rooms; a command pays only for its own
    from pipeline.audience.tokens import ReturnPath
    from pipeline.feedback.sources.keep import Unread
    from pipeline.feedback.sources.port import Source
    from pipeline.operations.ask import Ask
    from pipeline.operations.bearer import Bearers
    from pipeline.operations.collect import Collect, Receive, Replay
    from pipeline.operations.confirm import Confirm
    from pipeline.operations.disclose import Disclose
    from pipeline.operations.enrol import Enrol
    from pipeline.operations.erase import Erase
    from pipeline.operations.hear import Hear
    from pipeline.operations.keep_word import KeepWord
    from pipeline.operations.label import Label
    from pipeline.operations.look import Look
    from pipeline.operations.notify import Notify
    from pipeline.operations.prefer import Prefer
    from pipeline.operations.suppress import Suppress
    from pipeline.operations.unsubscribe import Unsubscribe
    from pipeline.operations.webhook import Webhook
    from pipeline.operations.withdraw import Withdraw
    from pipeline.storage.disclosure import Disclosure
    from pipeline.storage.feedbacks import Feedbacks
    from pipeline.storage.lists import Lists
    from pipeline.storage.notices import Notices

_SENT: Final = "sent"  # what the `eml` sender wrote, unless the settings say where


class Readership(Workspace, frozen=True, kw_only=True, dict=True):
    """What a door may ask about readers."""

    @cached_property
    def lists(self) -> Mapping[ListId, MailingList]:
        """The lists of the settings, `main` always among them."""
        tables = self.settings.lists
        named = {MAIN_NAME: MailingList()} | {
            name: MailingList(
                name=name, title=table.title, description=table.description, public=table.public
            )
            for name, table in tables.items()
        }
        numbers = self.list_numbers.ensure(named)
        return {numbers[name]: each for name, each in named.items()}

    @property
    def list_numbers(self) -> Lists:
        """The lists that there are or were, by name."""
        from pipeline.storage.lists import Lists

        return Lists(self.database)

    def audience(self, list_: str = MAIN_NAME, rule: str = "") -> Audience:
        """Return the audience of a list and a rule, which may be the name of a segment.

        Raises:
            ConfigError: there is no such list, or the rule of the segment cannot be read.
        """
        known = [each.name for each in self.lists.values()]
        if list_ not in known:
            raise ConfigError(f"there is no list {list_!r}; there is: {', '.join(known)}")
        return Audience(list=list_, rule=self.rule(rule))

    def rule(self, text: str) -> str:
        """Return the rule of the segment of that name, or else the text as it is.

        Raises:
            ConfigError: the rule of the segment cannot be read.
        """
        rule = self.settings.segments.get(Name(text))
        if rule is None:
            return text
        from pipeline.audience.segments.parsing import parse_rule
        from pipeline.audience.segments.tokens import RuleError

        try:
            parse_rule(rule)
        except RuleError as error:
            raise ConfigError(f"newsletter.toml: segments.{text}: {error}") from error
        return rule

    @property
    def notices(self) -> Notices:
        """The mails about consent."""
        from pipeline.storage.notices import Notices

        return Notices(self.database)

    @property
    def feedbacks(self) -> Feedbacks:
        """What came back."""
        from pipeline.storage.feedbacks import Feedbacks

        return Feedbacks(self.database)

    @property
    def disclosure(self) -> Disclosure:
        """Everything about one person."""
        from pipeline.storage.disclosure import Disclosure

        return Disclosure(self.database)

    @property
    def bearers(self) -> Bearers:
        """What reads links."""
        from pipeline.audience.tokens import Tokens
        from pipeline.operations.bearer import Bearers

        return Bearers(
            subscribers=self.subscribers,
            tokens=Tokens(self.keys),
            lists=self.lists,
            newsletter=self.newsletter,
        )

    @property
    def return_path(self) -> ReturnPath | None:
        """What makes envelope senders that name the delivery; None: they are the one of From."""
        from pipeline.audience.tokens import ReturnPath

        domain = self.settings.feedback.return_path_domain
        return ReturnPath(self.keys, domain) if domain else None

    @property
    def unread(self) -> Unread:
        """The mail that nobody could read."""
        from pipeline.feedback.sources.keep import Unread

        return Unread(self.data / "feedback" / "unread")

    # What the operator does.

    def look(self) -> Look:
        """Look at people."""
        from pipeline.operations.look import Look

        return Look(
            lists=self.list_numbers,
            subscribers=self.subscribers,
            suppressions=self.suppressions,
            disclosure=self.disclosure,
            clock=self.clock,
        )

    def enrol(self, list_: str = MAIN_NAME) -> Enrol:
        """Bring people in to a list.

        Raises:
            ConfigError: there is none of that name.
        """
        from pipeline.operations.enrol import Enrol

        _ = self.lists  # those of the settings are there from now on
        return Enrol(
            subscribers=self.look().on(list_), suppressions=self.suppressions, clock=self.clock
        )

    def label(self) -> Label:
        """Tag people."""
        from pipeline.operations.label import Label

        return Label(subscribers=self.subscribers)

    def withdraw(self) -> Withdraw:
        """Unsubscribe one person."""
        from pipeline.operations.withdraw import Withdraw

        return Withdraw(lists=self.list_numbers, subscribers=self.subscribers, clock=self.clock)

    def suppress(self) -> Suppress:
        """Suppress addresses."""
        from pipeline.operations.suppress import Suppress

        return Suppress(suppressions=self.suppressions, clock=self.clock)

    def ask(self) -> Ask:
        """Let a form ask for lists."""
        from pipeline.operations.ask import Ask

        return Ask(
            subscribers=self.subscribers,
            suppressions=self.suppressions,
            notices=self.notices,
            lists=self.lists,
            clock=self.clock,
            double_opt_in=self.settings.consent.double_opt_in,
            welcome=self.settings.consent.welcome,
        )

    def confirm(self) -> Confirm:
        """Act on confirmation links."""
        from pipeline.operations.confirm import Confirm

        return Confirm(
            bearers=self.bearers,
            suppressions=self.suppressions,
            notices=self.notices,
            clock=self.clock,
            within=self.settings.consent.confirm_within,
            welcome=self.settings.consent.welcome,
        )

    def unsubscribe(self) -> Unsubscribe:
        """Act on unsubscribe links."""
        from pipeline.operations.unsubscribe import Unsubscribe

        return Unsubscribe(
            bearers=self.bearers,
            notices=self.notices,
            clock=self.clock,
            goodbye=self.settings.consent.goodbye,
        )

    def keep_word(self) -> KeepWord:
        """Promise an unsubscription that has to wait for the database."""
        from pipeline.operations.keep_word import KeepWord

        return KeepWord(
            unsubscribe=self.unsubscribe(),
            folder=self.words,
            tell=self.database.ring,
            clock=self.clock,
        )

    def prefer(self) -> Prefer:
        """Act on links to the preferences."""
        from pipeline.operations.prefer import Prefer

        return Prefer(
            bearers=self.bearers,
            notices=self.notices,
            clock=self.clock,
            welcome=self.settings.consent.welcome,
        )

    def disclose(self) -> Disclose:
        """Tell people everything that is stored of them."""
        from pipeline.operations.disclose import Disclose

        return Disclose(
            bearers=self.bearers,
            notices=self.notices,
            disclosure=self.disclosure,
            clock=self.clock,
        )

    def erase(self) -> Erase:
        """Erase people."""
        from pipeline.audience.tokens import address_hasher
        from pipeline.operations.erase import Erase
        from pipeline.storage.erasure import Erasure

        recover, dispatches = self.recover(), self.dispatches
        sent = self.root / str(self.settings.sender.options.get("folder", self.data / _SENT))
        return Erase(
            bearers=self.bearers,
            notices=self.notices,
            erasure=Erasure(self.database, address_hasher(self.keys)),
            mails=(sent, self.unread.folder, *self._maildir()),
            settle=lambda: [recover(dispatch.id) for dispatch in dispatches.all()],
            clock=self.clock,
        )

    def _maildir(self) -> tuple[Path, ...]:
        kind, _, path = self.settings.feedback.mailbox.partition(":")
        return (self.root / path,) if kind == "maildir" else ()

    def notify(self) -> Notify:
        """Send the mails about consent."""
        from pipeline.operations.notify import Notify

        return Notify(
            bearers=self.bearers,
            notices=self.notices,
            renderer=self.notice_renderer,
            sender=self.sender(),
            keys=self.keys,
            sign=self.sign,
            policy=self.settings.delivery.policy(),
            lock=self.data / "locks" / "notices.lock",
            confirm_within=self.settings.consent.confirm_within,
        )

    # What comes back.

    def hear(self) -> Hear:
        """Take in bounces and complaints."""
        from pipeline.audience.tokens import ReturnPath, Tokens
        from pipeline.feedback.policy import FeedbackRules
        from pipeline.operations.hear import Hear

        table = self.settings.feedback
        return Hear(
            feedbacks=self.feedbacks,
            subscribers=self.subscribers,
            suppressions=self.suppressions,
            dispatches=self.dispatches,
            tokens=Tokens(self.keys),
            return_path=self.return_path or ReturnPath(self.keys, self.newsletter.mail_domain),
            keys=self.keys,
            mail_domain=self.newsletter.mail_domain,
            rules=FeedbackRules(
                hard=table.hard,
                hard_in_words=table.hard_in_words,
                in_a_row=table.in_a_row,
                over=table.over,
                issues=table.issues,
                window=table.window,
            ),
            clock=self.clock,
        )

    def receive(self) -> Receive:
        """Take in one mail."""
        from pipeline.operations.collect import Receive

        return Receive(hear=self.hear(), unread=self.unread, clock=self.clock)

    def replay(self) -> Replay:
        """Hear kept mail again."""
        from pipeline.operations.collect import Replay

        return Replay(receive=self.receive())

    def collect(self) -> Collect:
        """Fetch mail that came back.

        Raises:
            ConfigError: the settings name no mailbox, or its password cannot be read.
        """
        from pipeline.operations.collect import Collect

        return Collect(
            source=self._mailbox(),
            receive=self.receive(),
            keep=self.settings.feedback.keep,
            clock=self.clock,
        )

    def webhook(self, name: str) -> Webhook | None:
        """Return what hears a provider; None: the settings name none of that name.

        Raises:
            ConfigError: its secret cannot be read.
        """
        table = self.settings.feedback.webhooks.get(Name(name))
        if table is None:
            return None
        from pipeline.operations.webhook import Webhook

        key = f"feedback.webhooks.{name}.secret_file"
        return Webhook(
            name=name,
            kind=table.kind,
            secret=read_secret(self.root / table.secret_file, key).encode(),
            hear=self.hear(),
            unread=self.unread,
            clock=self.clock,
        )

    def _mailbox(self) -> Source:
        from pipeline.feedback.sources import open_source
        from pipeline.feedback.sources.imap import ImapAccount

        table = self.settings.feedback
        account: ImapAccount | None = None
        if table.mailbox == "imap":
            password = self.root / table.imap_password_file
            account = ImapAccount(
                host=table.imap_host,
                user=table.imap_user,
                password=read_secret(password, "feedback.imap_password_file"),
                port=table.imap_port,
                tls=table.imap_tls,
                ca_file=self.root / table.imap_ca_file if table.imap_ca_file else None,
                folder=table.imap_folder,
                move_to=table.imap_move_to,
            )
        return open_source(
            table.mailbox, root=self.root, state=self.data / "feedback", account=account
        )
