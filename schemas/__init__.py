"""The contract in code: events, addresses, voice commands, settings, Redis names, tables of codes.

No I/O, and no import of another Ringback package: everything else may import from here.
"""

if __name__ != "ringback.schemas":
    raise ImportError(f"this is Ringback's own folder, which is imported as ringback.schemas and not as {__name__}")
