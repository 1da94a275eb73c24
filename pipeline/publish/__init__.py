"""Feeds and web pages, made from issues and never from mail HTML (decision D11)."""
