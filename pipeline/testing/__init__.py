"""For authors of plug-ins: contracts to pass, and a mail server that misbehaves on request."""
