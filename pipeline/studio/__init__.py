"""The preview studio: a local page that shows the bytes that will be sent."""
