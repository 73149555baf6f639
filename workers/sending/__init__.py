"""Sending from handlers: what a run asks to be sent, which is sent if that run ends well."""
