"""What was stored, put through again: events to handlers, requests in quarantine to the stream."""
