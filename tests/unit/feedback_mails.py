"""Mails that come back, all invented: one of each kind that the readers know."""

from __future__ import annotations

from typing import Final

VERP: Final = "b-aeaaaaaaaab5qd7rjncaaaaa"  # the shape of a return path of ours
TOKEN: Final = "AQEAAAAAAeJAB1kTA3DgGu4CDDCqHKC0"  # the shape of a link's token
MESSAGE_ID: Final = "letter-7.k7Qk2mP9b3J1aaaa@news.example.org"

RETURNED: Final = f"""\
Return-Path: <{VERP}@bounces.example.org>
From: Example Weekly <hello@news.example.org>
To: Ann@example.net
Subject: Spam, quotas and policy
Message-ID: <{MESSAGE_ID}>
List-Unsubscribe: <https://news.example.org/u/{TOKEN}>,
 <mailto:unsubscribe@news.example.org?subject={TOKEN}>
MIME-Version: 1.0
Content-Type: text/plain

Dear reader, hello.
"""

_HEAD: Final = f"""\
Return-Path: <>
Delivered-To: {VERP}@bounces.example.org
From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: {VERP}@bounces.example.org
"""


def report(
    recipient: str, *, head: str = _HEAD, prose: str = "It could not be delivered."
) -> bytes:
    """Return a delivery status notification with one block of recipient fields."""
    return f"""\
{head}Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="sep/1"

--sep/1
Content-Type: text/plain; charset=us-ascii

{prose}
--sep/1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
Original-Envelope-Id: {VERP}

{recipient}
--sep/1
Content-Type: message/rfc822

{RETURNED}
--sep/1--
""".encode()


def failed(status: str, diagnostic: str = "", *, action: str = "failed") -> bytes:
    """Return a notification about Ann."""
    said = f"Diagnostic-Code: smtp; {diagnostic}\n" if diagnostic else ""
    return report(
        f"Final-Recipient: rfc822; Ann@example.net\nAction: {action}\nStatus: {status}\n{said}"
    )


def complaint(type_: str = "abuse") -> bytes:
    """Return a report of a feedback loop (RFC 5965)."""
    return f"""\
From: feedback loop <fbl@provider.example.net>
To: abuse@news.example.org
Subject: FW: Spam, quotas and policy
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary=fbl

--fbl
Content-Type: text/plain

This is an email abuse report.
--fbl
Content-Type: message/feedback-report

Feedback-Type: {type_}
User-Agent: ExampleLoop/1.0
Version: 1
Original-Mail-From: <{VERP}@bounces.example.org>
Original-Rcpt-To: <ann@example.net>

--fbl
Content-Type: message/rfc822

{RETURNED}
--fbl--
""".encode()


def note(text: str, *, subject: str = "Mail delivery failed", more: str = "") -> bytes:
    """Return a bounce in words."""
    return f"""\
{_HEAD}Subject: {subject}
{more}Content-Type: text/plain; charset=utf-8

{text}
""".encode()


def letter(subject: str, text: str = "", *, more: str = "", to: str = "news.example.org") -> bytes:
    """Return a mail that a person's account wrote."""
    return f"""\
From: Ann Example <ann@example.net>
To: unsubscribe@{to}
Subject: {subject}
{more}Content-Type: text/plain; charset=utf-8

{text}
""".encode()


EXIM: Final = note(
    f"""This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  ann@example.net
    host mx.example.net [192.0.2.7]
    SMTP error from remote mail server after RCPT TO:<ann@example.net>:
    550 5.1.1 no such user here

------ This is a copy of the message, including all the headers. ------

{RETURNED}""",
    more="X-Failed-Recipients: ann@example.net\nAuto-Submitted: auto-replied\n",
)
QMAIL: Final = note(
    f"""Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<ann@example.net>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

{RETURNED}""",
    subject="failure notice",
)
EXCHANGE: Final = note(
    """Your message

  To:      readers@news.example.org
  Subject: Spam, quotas and policy
  Sent:    Fri, 20 Nov 2026 08:00:00 +0000

did not reach the following recipient(s):

ann@example.net on Fri, 20 Nov 2026 08:00:09 +0000
    The recipient name is not recognized
""",
    subject="Undeliverable: Spam, quotas and policy",
)
POSTFIX: Final = note(
    f"""This is the mail system at host mx.example.net.

I'm sorry to have to inform you that your message could not be delivered
to one or more recipients. For further assistance, please send mail to
<postmaster@example.net>. You can delete your own text from the message returned below.

<ann@example.net>: host mx.example.net[192.0.2.7] said: 552 mailbox is
    full (in reply to RCPT TO command)

----- Original message -----

{RETURNED}"""
)
YAHOO: Final = note(
    """Sorry, we were unable to deliver your message to the following address.

<ann@example.net>:
554: delivery error: dd This user doesn't have a example.net account (ann@example.net)

--- Below this line is a copy of the message.
"""
)
GMAIL: Final = note(
    """Delivery to the following recipient has been delayed:

     ann@example.net

Message will be retried for 2 more day(s)
""",
    subject="Delivery Status Notification (Delay)",
)
SILENT: Final = note("Bzzt. 7F003A.", subject="Message from the machine")
AWAY: Final = letter("Automatic reply: Example Weekly 7", more="Auto-Submitted: auto-replied\n")
CHALLENGE: Final = letter(
    "Your message", "Please confirm that you are a human and your mail will be let through."
)

SAMPLES: Final[tuple[bytes, ...]] = (
    failed("5.1.1", "550 5.1.1 user unknown"),
    failed("4.4.1", action="delayed"),
    complaint(),
    complaint("not-spam"),
    EXIM,
    QMAIL,
    EXCHANGE,
    POSTFIX,
    YAHOO,
    GMAIL,
    SILENT,
    AWAY,
    CHALLENGE,
    letter(TOKEN),
    letter("unsubscribe"),
    letter("Lovely issue", "Thank you for it."),
)
