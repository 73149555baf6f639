"""What may keep Ringback from working here, and what to do about it."""
