"""The handler that fails. `BENCH_FAILS` says when.

`once`: in its first attempt, and is tried again in an hour; `always`: in its only one; `never`.
"""

import os

from ringback import Context, Event, on

_FAILS = os.environ["BENCH_FAILS"]
_HOUR_S = 3600


@on("*", retry=[_HOUR_S] if _FAILS == "once" else [])
def failing(_event: Event, ctx: Context) -> None:
    """Fail, or do nothing."""
    if _FAILS == "always" or (_FAILS == "once" and ctx.attempt == 1):
        raise OSError("what it calls is away")
