"""What is measured: servers, and workers, each a program of its own."""
