"""Voice handlers walked through, without a call: every way that a caller can go."""
