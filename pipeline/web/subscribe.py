"""The subscribe form; its answer is one and the same, whoever asks (ask.py decides what follows)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from time import monotonic
from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from pipeline.audience.address import AddressError, parse_address
from pipeline.model.audience import MailingList
from pipeline.model.ports import Clock
from pipeline.operations.ask import Ask
from pipeline.web.client import ClientKeys, network
from pipeline.web.form import Form, FormTimes, from_elsewhere
from pipeline.web.pages import Pages
from pipeline.web.questions import Questions
from pipeline.web.rates import Rates, Rule

# No answer comes sooner: how long we took must not tell whom we know.
PACE_S: Final = 0.15

_log = logging.getLogger("broadsheet")


class SubscribePages(Struct, frozen=True, kw_only=True):
    """A form, what it does, and the HTML to have it elsewhere."""

    pages: Pages
    ask: Ask
    questions: Questions
    lists: Sequence[MailingList]  # what anybody may ask for
    wording: str  # what people agree to; empty is ours
    times: FormTimes
    clients: ClientKeys
    rates: Rates
    clock: Clock
    pace_s: float = PACE_S

    async def show(self, request: Request) -> Response:
        """GET: the form."""
        return self._form(request, Form())

    async def embed(self, request: Request) -> Response:
        """GET: the HTML of a form for other sites."""
        return self.pages.answer(request, "embed")

    async def act(self, request: Request) -> Response:
        """POST: ask for a subscription, or show the form again with what is wrong."""
        answer_at = monotonic() + self.pace_s
        client = request.client.host if request.client else None
        if not self.rates.allow(Rule.SUBSCRIBE_NETWORK, network(client)):
            return self._slow_down(request, Rule.SUBSCRIBE_NETWORK)
        form = await Form.of(request)
        answer = self._answer(request, form, client)
        await asyncio.sleep(answer_at - monotonic())
        return answer

    def _answer(self, request: Request, form: Form, client: str | None) -> Response:
        """Answer without a look at the database; nothing is awaited, so what is so stays so."""
        if self.questions.full:
            return self._busy(request)
        now = self.clock()
        if form["remark"]:  # people do not see this field
            return self._asked(request)
        # A form of another site, an old one, one filled in within a second: nothing is wrong with
        # it that one more click of a person would not mend.
        if from_elsewhere(request, self.pages.newsletter.host) or not self.times.good(
            form["shown"], now
        ):
            return self._form(request, form, "again")
        try:
            address = parse_address(form["address"])
        except AddressError:
            return self._form(request, form, "address")
        lists = self._chosen(form)
        if not lists:
            return self._form(request, form, "lists")
        mailbox, domain = _mailbox(address.normalised)
        # The network first: what it may not have it takes from nobody.
        for rule, key in (
            (Rule.SUBSCRIBE_WIDE, network(client, wide=True)),
            (Rule.SUBSCRIBE_DOMAIN, domain),
            (Rule.SUBSCRIBE_WORLD, ""),
        ):
            if not self.rates.allow(rule, key):
                _log.warning("subscribe: too many forms, counted: %s; turned away", rule)
                return self._slow_down(request, rule)
        for rule in (Rule.SUBSCRIBE_ADDRESS, Rule.SUBSCRIBE_DAY):
            if not self.rates.allow(rule, mailbox):
                return self._asked(request)  # another answer would tell that others asked
        language = self.pages.language(request)
        self.questions.put(
            partial(
                self.ask,
                address.given,
                lists=lists,
                name=form["name"],
                language=language,
                form=f"{self.pages.newsletter.site_url}/subscribe",
                wording=self.pages.wording(language, self.wording),
                client=self.clients(client, now.date()),
            )
        )
        return self._asked(request)

    def _chosen(self, form: Form) -> tuple[str, ...]:
        public = [one.name for one in self.lists]
        if len(public) == 1:
            return tuple(public)
        return tuple(name for name in public if name in form.all("list"))

    def _form(self, request: Request, form: Form, problem: str = "") -> Response:
        if not self.lists:
            return self.pages.problem(request, "missing", 404)
        return self.pages.answer(
            request,
            "subscribe",
            status=400 if problem in {"address", "lists"} else 200,
            problem=problem,
            address=form["address"],
            name=form["name"],
            lists=self.lists,
            # At first the first one is ticked; afterwards, what was sent.
            chosen=form.all("list") if form.fields else (self.lists[0].name,),
            shown=self.times.mint(self.clock()),
            wording=self.wording,
        )

    def _asked(self, request: Request) -> Response:
        return self.pages.answer(request, "asked")

    def _busy(self, request: Request) -> Response:
        answer = self.pages.problem(request, "busy", 503)
        answer.headers["Retry-After"] = "10"
        return answer

    def _slow_down(self, request: Request, rule: Rule) -> Response:
        answer = self.pages.problem(request, "often", 429)
        answer.headers["Retry-After"] = f"{self.rates.limits[rule].window_s:.0f}"
        return answer


def _mailbox(address: str) -> tuple[str, str]:
    """Return where the mail of an address ends up, and its domain.

    "a+b@" is a sub-address of "a@" at most providers (RFC 5233); where it is a mailbox of its own,
    the two share a limit and lose nothing else.
    """
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}", domain
