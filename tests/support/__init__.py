"""What tests share: the service, its callers, its machines, its handlers."""
