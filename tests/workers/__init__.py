"""Tests of the workers, module by module; Redis at most, no service."""
