"""A handler that takes its time."""

import time

from ringback import Context, Event, on
from tests.support.handlers.recording import note

TAKES_S = 0.2


@on("message.received")
def busy(event: Event, ctx: Context) -> None:
    time.sleep(TAKES_S)
    note("busy", event, ctx)
