"""What an operator asks, on an address of its own (`RINGBACK_ADMIN_HOST`, `_PORT`): is it well, how much is there."""
