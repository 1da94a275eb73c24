"""Delivers over SMTP: pipelined transactions over a few connections to one relay or several."""

from pipeline.senders.smtp.sender import Smtp, build

__all__ = ["Smtp", "build"]
