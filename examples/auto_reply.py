"""An auto-reply: who writes an SMS or a WhatsApp message is answered, once, from the number that was written to.

STOP and START need no code: Ringback keeps who does not want to be texted, and sends them nothing.
"""

from ringback import Context, MessageReceivedEvent, on

ANSWERS = {
    "HELP": "Write HOURS for our opening hours, STOP to hear no more from us.",
    "HOURS": "We are here from nine to six, Monday to Friday.",
    "START": "Welcome back.",
}
DEFAULT_ANSWER = "Thank you. We will get back to you."


@on("message.received")
def reply(event: MessageReceivedEvent, ctx: Context) -> None:
    """Choose an answer by the first word of the message."""
    words = (event.data.text or "").split()
    word = words[0].upper() if words else ""
    if word != "STOP":
        ctx.reply(ANSWERS.get(word, DEFAULT_ANSWER))
