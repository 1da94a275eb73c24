"""The preview studio: a page on this machine that shows the bytes that will be sent."""
