"""Voice handlers: `@voice.answer()` for a new call, `@voice.collect("step")` for the digits of a step.

They are given a `voice.Incoming` or a `voice.Input`: the event, and `call.state`, which lasts as long as the call.
Handlers of other kinds get at that with `voice.state(event)`.
"""

from ringback.workers.decorators import answer, collect
from ringback.workers.voice.call_events import Incoming, Input, state
from ringback.workers.voice.state import CallState, StateError

__all__ = ["CallState", "Incoming", "Input", "StateError", "answer", "collect", "state"]
