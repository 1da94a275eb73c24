"""Follows links as a stranger would, and never into a house: see `door` for what it refuses."""
