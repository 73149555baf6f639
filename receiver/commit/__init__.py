"""Events into Redis, in groups; into the spool on this machine's disk while Redis is away."""
