"""From a claim to a verdict: the loop that sends, and the decisions it rests on."""
