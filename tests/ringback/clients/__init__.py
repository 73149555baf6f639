"""Tests of the clients: pure pairs as tables, transports against servers that misbehave."""
