"""What most programs do: build each message with EmailMessage, hand it to smtplib.

    python tests/bench/usual.py PORT COUNT FOLDER

FOLDER holds email.html and email.txt; one connection to loopback takes all the messages.
"""

from __future__ import annotations

import smtplib
import sys
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path


def main(port: int, count: int, folder: Path) -> None:
    """Send `count` messages."""
    text = (folder / "email.txt").read_text(encoding="utf-8")
    html = (folder / "email.html").read_text(encoding="utf-8")
    with smtplib.SMTP("127.0.0.1", port) as relay:
        for number in range(count):
            link = f"https://news.example.org/u/{number:032x}"
            message = EmailMessage(policy=SMTP)
            message["From"] = "The Quay <quay@example.org>"
            message["To"] = f"reader{number}@example.org"
            message["Subject"] = "Fog Closes the Strait. A Lock Gate Comes Home by Road."
            message["Message-ID"] = f"<{number}@news.example.org>"
            message["List-Unsubscribe"] = f"<{link}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
            message.set_content(f"{text}\n{link}\n")
            message.add_alternative(f"{html}\n<!-- {link} -->\n", subtype="html")
            relay.send_message(message)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
