"""The RQ side: drain the stream, run handlers, retry, bury, answer calls. Never serves HTTP."""

if __name__ != "ringback.workers":
    raise ImportError(f"this is Ringback's own folder, which is imported as ringback.workers and not as {__name__}")
