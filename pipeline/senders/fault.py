"""The outage that waiting does not cure."""

from __future__ import annotations

from pipeline.errors import ConfigError, SenderUnavailable


class SenderFault(SenderUnavailable, ConfigError):
    """The way out stays closed until a person changes something; no address is blamed.

    It has two parents because it has two kinds of callers: for the delivery loop the way out is
    closed, and for whoever decides about trying again a setting is wrong. A refused login that is
    repeated by a clock locks the account.
    """

    exit_code = ConfigError.exit_code
