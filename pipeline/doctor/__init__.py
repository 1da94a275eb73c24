"""What mailbox providers, the law and a careful operator would look at, rule by rule."""
