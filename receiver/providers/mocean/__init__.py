"""Mocean callbacks. A module for each of its APIs, with the tables that it needs on top. No signature is documented."""

from typing import Final

from ringback.receiver.parsing.callbacks import Callback
from ringback.receiver.providers.mocean import lookup, sms, voice, whatsapp

callbacks: Final[tuple[Callback, ...]] = (
    *sms.callbacks, *voice.callbacks, *lookup.callbacks, *whatsapp.callbacks
)  # fmt: skip
"""In the order of the document."""
