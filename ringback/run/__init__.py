"""The service from one command: store, tunnel, simulator, workers, receiver; started, watched and stopped."""
