"""The use cases, one file a verb: what a door may ask for.

Each is a value whose fields are what it needs and whose call is what it does.
"""
