"""Handlers that the tests of the running service run."""
