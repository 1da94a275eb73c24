"""Broadsheet: newsletters from a text file to the inbox and the feed."""

__version__ = "0.1.0"
