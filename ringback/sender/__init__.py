"""The sender: the process that takes what is in the outbox to the providers, once, and tells what became of it."""
