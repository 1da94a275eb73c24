"""Migrations: one file a revision, never changed once released."""
