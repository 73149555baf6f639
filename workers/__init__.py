"""The RQ side: drain the stream, run handlers, retry, bury, answer calls. Never serves HTTP."""
