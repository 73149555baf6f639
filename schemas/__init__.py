"""The contract in code: events, addresses, voice commands, settings, Redis names, tables of codes.

No I/O, and no import of another Ringback package: everything else may import from here.
"""
