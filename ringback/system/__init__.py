"""What both sides need of the system they run on: private files, clients of Redis, a tie to the parent process."""
