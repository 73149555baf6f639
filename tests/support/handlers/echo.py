"""Voice handlers that repeat what was pressed, send the caller elsewhere, or fail, by the number that is called."""

from ringback import mc, voice
from ringback.schemas.mc_actions import Action


@voice.answer(callee="63001")
def echo(call: voice.Incoming) -> list[Action]:
    return [mc.say("Your code?"), mc.collect(step="code", min=2, max=4, terminators="#*")]


@voice.collect("code")
def code(call: voice.Input) -> Action:
    return mc.say(f"{call.data.digits or 'nothing'} of {call.data.caller.value if call.data.caller else 'nobody'}")


@voice.answer(callee="63002")
def elsewhere(call: voice.Incoming) -> list[Action]:
    return [mc.say("Wait."), mc.collect(event_url="https://example.com/collect?token=theirs", max=1), mc.say("Bye.")]


@voice.answer(callee="63003")
def fails(call: voice.Incoming) -> list[Action]:
    raise ValueError("told to fail")
