"""What failed: retries that are due, and dead letters."""
