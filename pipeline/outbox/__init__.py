"""Where an issue is frozen: entry folders, and the message that will be sent of each."""
