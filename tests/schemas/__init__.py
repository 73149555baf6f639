"""Tests of schemas, module by module."""
