"""What one caller, or one account, may take of this process: connections, memory, turns, lines of the log."""
