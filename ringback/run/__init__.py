"""The service from one command: store, tunnel, workers, receiver; started, watched and stopped."""
