"""`make bench`: Ringback beside what its users would otherwise write, in one run on one machine."""
