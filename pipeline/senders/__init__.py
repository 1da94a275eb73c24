"""The ways out: SMTP, a folder of .eml files, the console; one module each."""
