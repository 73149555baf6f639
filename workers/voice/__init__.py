"""Voice handlers: which one answers a call, and what it is given."""
