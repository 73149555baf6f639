"""A phone menu: a greeting, a menu and a menu below it, a call handed on, a recording, silence, texts while the call
lasts and after it.

Look at it with `ringback voice check examples.ivr`; call it with `ringback voice call --digits 2,1` while it runs.
"""

from typing import Final, TypeGuard

from ringback import Address, CallStatusEvent, Context, mc, on, voice

SALES: Final = "60312345678"
ADDRESS: Final = "1 Jalan Ampang, Kuala Lumpur"
LONGEST_MESSAGE_MS: Final = 60_000
ROUNDS: Final = 3

Menu = tuple[mc.Action, ...]

MENU: Final[Menu] = (
    mc.say("Press 1 for sales, 2 for when and where to find us, 3 to leave a message.", barge_in=True),
    mc.collect(step="menu", max=1),
)
FIND_US: Final[Menu] = (
    mc.say("Press 1 for our opening hours, 2 for our address, 9 for the main menu.", barge_in=True),
    mc.collect(step="find_us", max=1),
)


@voice.answer()
def welcome(call: voice.Incoming) -> list[mc.Action]:
    """Greet the caller."""
    return [mc.say("Welcome to Ringback."), *MENU]


@voice.collect("menu", digits="1")
def sales(call: voice.Input) -> list[mc.Action]:
    """Hand the call on."""
    call.state["outcome"] = "sales"
    return [mc.say("We connect you to sales."), mc.dial(SALES)]


@voice.collect("menu", digits="2")
def find_us(call: voice.Input) -> list[mc.Action]:
    """Go one menu down."""
    return ask(call, FIND_US)


@voice.collect("menu", digits="3")
def message(call: voice.Input) -> list[mc.Action]:
    """Record what is said from here on, for as long as the call lasts."""
    call.state["outcome"] = "message"
    return [mc.say("Speak after this, and hang up when you are done."), mc.record(), mc.sleep(LONGEST_MESSAGE_MS)]


@voice.collect("menu", otherwise=True)
def menu_again(call: voice.Input) -> list[mc.Action]:
    """Take 9, any other key, and silence."""
    return ask_again(call, MENU)


@voice.collect("find_us", digits="1")
def hours(call: voice.Input) -> list[mc.Action]:
    """Say when, and go back to the main menu."""
    return [mc.say("We are here from nine to six, Monday to Friday."), *ask(call, MENU)]


@voice.collect("find_us", digits="2")
def address(call: voice.Input, ctx: Context) -> list[mc.Action]:
    """Read out where we are, text it to who can get texts, and go back to the main menu."""
    if can_be_texted(call.data.caller):
        ctx.send.sms(to=call.data.caller, from_=call.data.callee, text=f"You find us at {ADDRESS}.")
    return [mc.say(f"You find us at {ADDRESS}."), *ask(call, MENU)]


@voice.collect("find_us", digits="9")
def main_menu(call: voice.Input) -> list[mc.Action]:
    """Go one menu up."""
    return ask(call, MENU)


@voice.collect("find_us", otherwise=True)
def find_us_again(call: voice.Input) -> list[mc.Action]:
    """Take any other key, and silence."""
    return ask_again(call, FIND_US)


def ask(call: voice.Input, menu: Menu) -> list[mc.Action]:
    """Ask for the first time: the caller chose to hear this."""
    call.state.pop("rounds", None)
    return [*menu]


def ask_again(call: voice.Input, menu: Menu) -> list[mc.Action]:
    """Ask once more. Say goodbye in the third round: a call to which nobody listens would never end."""
    if call.state.increment("rounds") == ROUNDS:
        return [mc.say("Please call again. Goodbye.")]
    return [mc.say("Sorry, I did not get that."), *menu]


@on("call.status", status="hangup")
def ended(event: CallStatusEvent, ctx: Context) -> None:
    """Note how the call ended, and thank by a text who has left a message.

    It may be run twice: note what may be noted twice. The text goes out once all the same.
    """
    with voice.state(event) as state:
        outcome = state.get("outcome", "none")
    ctx.log.info("call_ended", call=event.data.call_id, outcome=outcome)
    if outcome == "message" and can_be_texted(event.data.caller):
        ctx.send.sms(
            to=event.data.caller, from_=event.data.callee, text="Thank you for your message. We call you back."
        )


def can_be_texted(phone: Address | None) -> TypeGuard[Address]:
    """Whether it is a phone number in full, and not a caller who withholds it."""
    return phone is not None and phone.kind == "e164"
