"""Calls as voice handlers are given them: the event, and a state that lasts as long as the call."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
from redis import Redis

from ringback.schemas.events import UNREADABLE, CallIncomingEvent, CallInputEvent, CallStatusEvent, UnreadableError
from ringback.schemas.keys import Keys
from ringback.schemas.parts import Part
from ringback.workers.voice.state import CallState


class _WithState(Part, frozen=True, dict=True, gc=True):
    @property
    def state(self) -> CallState:
        """What handlers keep for the length of this call."""
        kept: CallState = self.__dict__["state"]
        return kept

    def give_state(self, state: CallState) -> None:
        """Set the state, which is no part of the event; the worker does that before the handler runs."""
        self.__dict__["state"] = state


class Incoming(_WithState, CallIncomingEvent, frozen=True, kw_only=True, dict=True, gc=True):
    """A new call: the `call.incoming` event, and the call's `state`."""


class Input(_WithState, CallInputEvent, frozen=True, kw_only=True, dict=True, gc=True):
    """What a caller pressed: the `call.input` event, and the call's `state`."""


Call = Incoming | Input
CallEvent = CallIncomingEvent | CallInputEvent | CallStatusEvent
_CALLS: Final[msgspec.json.Decoder[Call]] = msgspec.json.Decoder(Call)


def read_call(text: bytes | str) -> Call:
    """Return the call that is written in JSON, as yet without its state. Raises UnreadableError."""
    try:
        return _CALLS.decode(text)
    except UNREADABLE as error:
        raise UnreadableError.of(error) from None


def state_of(redis: Redis, keys: Keys, event: CallEvent) -> CallState:
    """Return the state of an event's call, shared by all callbacks of its session."""
    session = event.data.session_id or event.data.call_id
    return CallState(redis, keys.call(event.provider, event.account, session))


@contextmanager
def state(event: CallEvent) -> Iterator[CallState]:
    """Yield the state of a call to a handler that does not answer it, such as `@on("call.status")`.

    What has changed is written at the end of the block, unless that is left by an error.
    """
    from ringback.workers.runtime import runtime  # not above: it imports RQ, which may come only once its prefix is set

    run = runtime.get()
    kept = state_of(run.redis, run.keys, event)
    yield kept
    kept.save()
