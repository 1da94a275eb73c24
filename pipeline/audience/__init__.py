"""Audience: addresses, the keys and tokens that stand for people, import and export. No SQL."""
