"""Delivers over SMTP: one connection for many messages, one transaction a message."""

from pipeline.senders.smtp.sender import Smtp, build

__all__ = ["Smtp", "build"]
