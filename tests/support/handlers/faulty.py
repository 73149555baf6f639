"""Voice handlers that do what they should not, as the context of the call says."""

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
async def late(call: voice.Input) -> Action:
    time.sleep(1.5)  # noqa: ASYNC251 - what an async handler must not do: its own timeout does not hear of it
    return mc.say("too late")
