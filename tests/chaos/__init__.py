"""Fault runs: the running service, whose processes are killed and stopped at random. `python -m tests.chaos`."""
