"""The HTTP side: door -> parse -> normalise -> commit -> answer. Never loads user code."""
