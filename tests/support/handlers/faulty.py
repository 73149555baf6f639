"""Voice handlers that do what they should not, as the context of the call says."""

import ctypes
import time

from ringback import mc, voice
from ringback.schemas.mc_actions import Action


@voice.answer()
def faulty(call: voice.Incoming) -> list[Action] | Action | dict[str, object]:
    match call.data.context.get("do"):
        case "raise":
            raise ValueError("told to fail")
        case "hang":
            time.sleep(30)
        case "invalid":
            return {"action": "say"}  # Mocean would refuse it: no text
    return mc.say("by the handler")


@voice.collect("late")
def late(call: voice.Input) -> Action:
    # Holds the interpreter meanwhile, so that nobody in its process hears that its time is up.
    ctypes.PyDLL(None).usleep(1_500_000)
    return mc.say("too late")
