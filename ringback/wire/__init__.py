"""Callbacks as the providers send them: samples, requests made of them, a phone that calls."""
