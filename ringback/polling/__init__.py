"""Polling: what a provider did not call us with is asked for, and becomes the event that the callback would have been.

Off unless `RINGBACK_POLL` or `RINGBACK_MYCOOLSMS_INBOUND` says so. One poller is at work, however many run.
"""
