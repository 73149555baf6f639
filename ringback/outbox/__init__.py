"""The outbox: what is to be sent, in Redis, from the moment that a handler has asked for it until its fate is known."""
