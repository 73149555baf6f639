"""The voice handler: the same greeting as in Mocean's Flask sample."""

from ringback import mc, voice
from schemas.mc_actions import Say


@voice.answer()
def greet(call: voice.Incoming) -> Say:
    """Greet the caller."""
    caller = call.data.caller
    return mc.say(f"Thank you for calling from {caller.raw if caller else None}.", language="en-GB")
