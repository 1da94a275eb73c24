"""When an issue leaves: rows are the truth, the clock only ticks (decision D6)."""
