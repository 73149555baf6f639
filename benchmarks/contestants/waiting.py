"""The handler that waits, as one does that asks another service: `BENCH_WAIT_MS` milliseconds."""

import os
import time

from ringback import Event, on

_WAIT_S = float(os.environ["BENCH_WAIT_MS"]) / 1000


@on("*")
def waiting(_event: Event) -> None:
    """Wait."""
    time.sleep(_WAIT_S)
