"""How servers say why, in plain words; `words.kind_of` asks the most telling ones first."""

from __future__ import annotations

from typing import Final

from pipeline.feedback.phrases import either

NO_SUCH_USER: Final = either(
    r"\b(?:user|recipient|mailbox|address|addressee|account|e-?mail|name)"
    r"s?\b(?: \S{1,80}){0,3}?:? (?:is |was |are |has |does |could |did )?(?:un(?:known|"
    r"routeable)|invalid|not (?:be )?(?:found|known|exist|recogni[sz]ed|valid|listed)|"
    r"wrong or no longer valid|no longer (?:valid|exists?|in use|active|available|"
    r"on server))",
    r"\b(?:unknown|invalid|no such|non-?existent|nonexisting|unrouteable|bad)"
    r" (?:\S{1,20} ){0,2}?(?:user|recipient|mailbox|address|addressee|account|userid|"
    r"name here)\b",
    r"\buser (?:\S{1,80} )?(?:doesn't|does not) have an? (?:\S{1,80} )?account\b",
    r"\b(?:doesn't|does not|do not|didn't|did not) (?:exist|exactly match)\b",
    r"\bno (?:mailbox|user|recipient|account)s? (?:\S{1,20} )?(?:by|with|of|under)"
    r" th(?:at|is) name\b",
    r"\bno mailbox here\b",
    r"\bthere is no user\b",
    r"\bnot listed in\b",
    r"\bnot a valid (?:user|mailbox|recipient|address)\b",
    r"\bnot our customer\b",
    r"\brecipient has moved\b",
    r"\bmailbox unavailable or not local\b",
    r"\bno matches to nameserver\b",
    r"\bdoes not have a final email delivery point\b",
    r"\brecipient address rejected: access denied\b",
    r"\bn'existe pas\b",
    r"\bunbekannter empf[aä]nger\b",
    r"\bno existe\b",
    r"\bnon esiste\b",
    r"\bnie istnieje\b",
    r"\bne? bestaat niet\b",
)
NO_SUCH_HOST: Final = either(
    r"\bunknown (?:host|domain|mail domain)\b",
    r"\bnxdomain\b",
    r"\bnull mx\b",
    r"\bunrouteable mail domain\b",
    r"\b(?:host|domain)(?: or domain)?(?: name)? (?:lookup )?(?:is )?(?:not found|"
    r"unknown|does not exist|doesn't exist)\b(?!,? try again)",
    r"\bcould not find a gateway\b",
    r"\bdomain \S{1,80} (?:does not|doesn't) exist\b",
    r"\bdoes not (?:accept|receive) (?:any )?mail\b",
)
FULL: Final = either(
    r"\b(?:over|out of|exceed\w*|above|reached|violat\w+)"
    r"\b(?: \S{1,20}){0,3}? ?(?:disk ?)?quota\b",
    r"\boverquota\b",
    r"\b(?:quota|storage|space|size limit)s? (?:\S{1,12} ){0,2}?(?:exceed\w*|violation|"
    r"full|reached|not enough)",
    r"\bfull\b(?: \S{1,20})? (?:mailbox|inbox|mailfolder)\b",
    r"\b(?:mail ?box|inbox|mail ?folder|maildrop|account|mail)(?: \S{1,80})? (?:is |"
    r"was |has |seems |to be )*(?:full|exceed(?:s|ed)\b(?! .{0,40}attempt))",
    r"\btoo (?:much|many) (?:e?-?mail|messages?)s? stored\b",
    r"\b(?:insufficient|not enough) (?:disk|storage|mail ?box|space|system storage)",
    r"\bmail box space\b",
    r"\bquota (?:has been |was )?(?:exceeded|full)",
    r"\bvoll\b",
    r"\bzu ?viele mails\b",
)
SHUT: Final = either(
    r"\b(?:account|mailbox|user|recipient|inbox)s?\b(?: \S{1,80}){0,2}? (?:is |was |"
    r"are |has been |have been )?(?:currently |temporarily |permanently |"
    r"now )?(?:disabled|suspended|inactive|deactivated|locked|blocked|closed|expired|"
    r"frozen|dormant)",
    r"\b(?:disabled|suspended|inactive|deactivated|dormant) (?:account|mailbox|user|"
    r"recipient)\b",
    r"\baccount (?:has )?expired\b",
    r"\bnot been collected\b",
    r"\bover(?:ly)? inactiv",
)
OURS: Final = either(
    r"\bspam\w*",
    r"\bunsolicited\b",
    r"\bbulk mail\b",
    r"\b(?:black|block|deny)[ -]?list\w*",
    r"\bdnsbl\b",
    r"\brbl\b",
    r"\breputation\b",
    r"\b(?:spf|dkim|dmarc)\b",
    r"\breverse dns\b",
    r"\bptr record\b",
    r"\brelay\w* (?:access |is |was )?(?:denied|not permitted|prohibited|refused|"
    r"not allowed)",
    r"\b(?:unable|not allowed|refuse\w*) to relay\b",
    r"\bnot (?:authori[sz]ed|permitted|allowed)\b",
    r"\bpolicy\b",
    r"\bvirus(?:es)?\b",
    r"\bmalware\b",
    r"\binfected\b",
    r"\b(?:message|mail|attachment|e-?mail)s?\b(?: \S{1,20}){0,3}? (?:is )?too (?:big|"
    r"large|long)\b",
    r"\b(?:message|mail)? ?(?:size|length) (?:\S{1,12} ){0,2}?exceed\w*",
    r"\bexceed\w* (?:\S{1,20} ){0,4}?message size\b",
    r"\bnot accepting mail from\b",
    r"\bsender (?:\S{1,80} )?(?:rejected|denied|refused|blocked|not)\b",
    r"\bmail (?:from \S{1,80} )?(?:rejected|refused) (?:due to|for|because of)\b",
    r"\bcontent (?:rejected|denied|filter)",
    r"\bclient host\b(?: \S{1,80})? (?:blocked|rejected)",
    r"\b(?:your|ip|sending) (?:\S{1,40} ){0,2}?(?:is |was |has been )?blocked\b",
    r"\bbanned\b",
    r"\bno \S{1,20} field given\b",
    r"\bauthenticat\w+ required\b",
)
PASSING: Final = either(
    r"\btime(?:d|s)?[ -]?out\b",
    r"\bconnection (?:\S{1,20} ){0,3}?(?:refused|failed|dropped|lost|reset|closed)\b",
    r"\b(?:could not|can ?not|unable to|wasn't able to|couldn't)"
    r"(?: \S{1,12}){0,2}? (?:connect|establish|contact|reach)",
    r"\bno route\b",
    r"\bnetwork\b",
    r"\bnot? (?:\S{1,12} )?(?:respond\w*|reachable)",
    r"\bunreachable\b",
    r"\btry(?:ing)? again\b",
    r"\btemporar\w+",
    r"\bgr[ae]y-?list\w*",
    r"\bin the queue too long\b",
    r"\bqueue period\b",
    r"\b(?:message|time) expired\b",
    r"\btoo many hops\b",
    r"\bloop(?:ing|s)?\b",
    r"\bbusy\b",
    r"\boverload\w*",
    r"\bdelivery attempts\b",
    r"\btoo many (?:connections|recipients)\b",
    r"\bname service error\b",
    r"\bdns\b(?: \S{1,20}){0,3}? (?:fail|error)",
    r"\bmaximum[- ]time[- ]expired\b",
    r"\bretr(?:y|ies) (?:time|limit|timeout)",
    r"\bfailed \d{1,3} attempts\b",
    r"\bserver unavailable\b",
    r"\bresources? (?:temporarily )?unavailable\b",
)
WEAKLY_HARD: Final = either(
    r"\bmailbox (?:is )?unavailable\b",
    r"\baddress(?:es)? (?:was |were )?(?:rejected|failed)\b",
    r"\brecipient (?:address )?rejected\b",
    r"\bundeliverable address\b",
    r"\bdoes not like recipient\b",
    r"\bcould not be reached\b",
)
