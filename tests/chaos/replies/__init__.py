"""Fault runs of handlers that reply: the simulator's inbox is the judge. `python -m tests.chaos --replies`."""
