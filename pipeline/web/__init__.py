"""The HTTP door: the site, the outbox for the author, and the unsubscribe page."""
