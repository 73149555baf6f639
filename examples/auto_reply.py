"""An auto-reply, up to the sending: who wrote, and what we would answer. Put your provider's send call in its place."""

from ringback import Context, MessageReceivedEvent, on

ANSWERS = {"STOP": "You will not hear from us again.", "HELP": "Call us on +60 3 1234 5678."}
DEFAULT_ANSWER = "Thank you. We will get back to you."


@on("message.received")
def reply(event: MessageReceivedEvent, ctx: Context) -> None:
    """Choose an answer by the first word of the message."""
    words = (event.data.text or "").split()
    answer = ANSWERS.get(words[0].upper() if words else "", DEFAULT_ANSWER)
    # An answer that is sent twice annoys: hand the key on to a sending API that takes one.
    ctx.log.info("auto_reply", answer=answer, idempotency_key=ctx.idempotency_key)
