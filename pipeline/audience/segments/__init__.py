"""Rules that pick people: parsed, never pasted into a statement. docs/segments.md is for users."""
