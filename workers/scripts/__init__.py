"""Lua scripts that Redis runs for the workers."""
