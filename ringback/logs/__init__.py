"""Log lines, without secrets and texts."""
