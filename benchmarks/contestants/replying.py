"""The handler that everybody writes first: it replies, or with `BENCH_REPLIES=0` makes the text alone.

`BENCH_WAIT_MS`: for how long it asks something else first.
"""

import os
import time

from ringback import Context, MessageReceivedEvent, on

_REPLIES = os.environ["BENCH_REPLIES"] == "1"
_WAIT_S = float(os.environ["BENCH_WAIT_MS"]) / 1000


@on("message.received")
def answer(event: MessageReceivedEvent, ctx: Context) -> None:
    """Reply with the text that came, which is how the load knows its own."""
    text = event.data.text or "Thank you."
    if _WAIT_S:
        time.sleep(_WAIT_S)
    if _REPLIES:
        ctx.reply(text)
