"""Tests of the receiver, module by module; Redis at most, no service."""
