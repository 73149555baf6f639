"""Run one handler on one event, within its time."""
