"""What a mail looks like, as far as its colours go: style sheets, the cascade, contrast."""
