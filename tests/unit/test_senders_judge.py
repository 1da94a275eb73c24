from __future__ import annotations

import pytest

from pipeline.errors import ConfigError, SenderUnavailable
from pipeline.model.delivery import Deferred, Refused
from pipeline.senders.fault import SenderFault
from pipeline.senders.smtp.judge import Closing, Step, judge
from pipeline.senders.smtp.reply import Reply


@pytest.mark.parametrize("step", [Step.MAIL, Step.RCPT, Step.DATA, Step.DOT])
@pytest.mark.parametrize("code", [450, 451, 452, 454])
def test_4xx_is_another_try(step: Step, code: int) -> None:
    """At every step a temporary refusal is about this delivery."""
    assert judge(step, Reply(code, ("4.7.1 later",))) == Deferred(code, "4.7.1 later")


@pytest.mark.parametrize("step", [Step.MAIL, Step.RCPT, Step.DATA, Step.DOT])
def test_421_closes_whatever_it_answers(step: Step) -> None:
    """The command did not happen, and the connection is gone."""
    with pytest.raises(Closing, match=r"421 4.3.2 restarting"):
        judge(step, Reply(421, ("4.3.2 restarting",)))


@pytest.mark.parametrize(
    ("step", "code", "text"),
    [
        (Step.RCPT, 550, "5.1.1 no such mailbox"),
        (Step.RCPT, 550, "no such user"),
        (Step.RCPT, 552, "5.2.2 mailbox full"),
        (Step.RCPT, 553, "5.1.3 bad syntax"),
        (Step.RCPT, 556, "5.1.10 no mail here"),
        (Step.RCPT, 550, "5.7.17 the mailbox changed hands"),
        (Step.RCPT, 550, "5.7.1 this mailbox takes mail from friends only"),
        (Step.DOT, 550, "5.7.1 not wanted here"),
        (Step.DATA, 554, "no valid recipients"),
        (Step.DOT, 554, "5.6.0 content"),
        (Step.DOT, 554, "rejected"),
    ],
)
def test_5xx_is_about_the_recipient(step: Step, code: int, text: str) -> None:
    """A permanent refusal after MAIL ends one delivery."""
    assert judge(step, Reply(code, (text,))) == Refused(code, text)


@pytest.mark.parametrize(
    ("step", "code", "text"),
    [
        (Step.MAIL, 550, "we do not know you"),
        (Step.MAIL, 552, "5.3.4 too big"),
        (Step.MAIL, 530, "5.7.0 authentication required"),
        (Step.RCPT, 530, "authentication required"),
        (Step.RCPT, 550, "5.7.9 log in first"),
        (Step.RCPT, 550, "5.7.25 no reverse name"),
        (Step.RCPT, 550, "5.1.8 bad sender"),
        (Step.RCPT, 503, "5.5.1 bad sequence"),
        (Step.DATA, 502, "not implemented"),
        (Step.DOT, 550, "5.7.26 not authenticated"),
        (Step.DOT, 550, "5.7.515 access denied"),
        (Step.DOT, 552, "5.3.4 too big"),
    ],
)
def test_what_is_about_us_blames_nobody(step: Step, code: int, text: str) -> None:
    """Sender, policy and login are faults of ours: the dispatch stops for a person."""
    with pytest.raises(SenderFault) as fault:
        judge(step, Reply(code, (text,)))

    assert f"{code} {text}" in str(fault.value)
    assert isinstance(fault.value, SenderUnavailable)
    assert isinstance(fault.value, ConfigError)
