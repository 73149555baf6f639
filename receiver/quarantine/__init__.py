"""Requests that had the right secret and could not be used, kept for people to look at."""
