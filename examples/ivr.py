"""A two-step phone menu: the greeting collects a digit, the menu answers it. No digit is an answer too."""

from ringback import CallIncomingEvent, CallInputEvent, mc, voice
from schemas.mc import Collect, Dial, Say

SALES = "60312345678"


def menu_prompt() -> list[Say | Collect]:
    """Say the choices and wait for one digit."""
    return [mc.say("Press 1 for sales, 2 for our opening hours.", barge_in=True), mc.collect(step="menu", max=1)]


@voice.answer()
def welcome(call: CallIncomingEvent) -> list[Say | Collect]:
    """Greet the caller."""
    return [mc.say("Welcome to Ringback."), *menu_prompt()]


@voice.collect("menu")
def menu(call: CallInputEvent) -> list[Say | Collect | Dial]:
    """Do what the caller chose."""
    match call.data.digits:
        case "1":
            return [mc.say("We connect you to sales."), mc.dial(SALES)]
        case "2":
            return [mc.say("We are here from nine to six. Goodbye.")]
    return [mc.say("Sorry, I did not get that."), *menu_prompt()]
