"""The HTTP side: door -> parse -> normalise -> commit -> answer. Never loads user code."""

if __name__ != "ringback.receiver":
    raise ImportError(f"this is Ringback's own folder, which is imported as ringback.receiver and not as {__name__}")
