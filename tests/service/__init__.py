"""Tests of the running service: a file a promise."""
