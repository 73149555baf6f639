"""Calls: the RQ job that answers "what now?". It runs the voice handler and sends its MC to the request that waits."""

from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Final, cast

from pydantic import JsonValue
from redis.client import Pipeline

from ringback.outbox import queue
from ringback.outbox.queue import Intent
from ringback.schemas.call_reply import REPLY_TTL_S, Failure, Reply
from ringback.schemas.events import CallIncomingEvent
from ringback.schemas.mc_wire import McError, parse_mc, render_mc
from ringback.schemas.settings import Settings
from ringback.workers.registry import CallHandler
from ringback.workers.running.context import Context
from ringback.workers.running.discretion import discreet
from ringback.workers.running.run import HandlerTimeoutError, Run
from ringback.workers.runtime import Runtime, runtime
from ringback.workers.sending.outgoing import Outgoing
from ringback.workers.voice import ringing
from ringback.workers.voice.call_events import Call, read_call, state_of
from ringback.workers.voice.state import StateError

# What a handler is not given of the deadline, so that word of its end is there in time.
_MARGIN_S: Final = 0.05
_LARGEST_MARGIN: Final = 0.1


class NoCallHandlerError(Exception):
    """No handler answers this call, or this step of it."""


def answer(event_json: str, reply_to: str) -> None:
    """Answer a call. RQ runs this; whatever goes wrong is replied at once, so that the fallback need not wait.

    A call whose deadline is over has been answered with the fallback: its handler is not run.
    """
    run = runtime.get()
    call = read_call(event_json)
    call.give_state(state_of(run.redis, run.keys, call))
    left = time_left(run, call)
    if left <= 0:
        run.lines.warning("voice.too_late", event_id=call.id)
        ringing.move(run.redis, run.keys)
        return
    with run.redis.pipeline(transaction=True) as pipeline:
        reply = _reply(run, call, left, pipeline)
        pipeline.rpush(reply_to, reply.model_dump_json(exclude_none=True))
        pipeline.expire(reply_to, REPLY_TTL_S)
        ringing.move(pipeline, run.keys)
        pipeline.execute()


def _reply(run: Runtime, call: Call, limit: float, pipeline: Pipeline) -> Reply:
    """Run the handler; put the state that it leaves into the reply's transaction, so that both are there or neither."""
    try:
        commands, asked = compose(run, call, limit)
        call.state.save_with(pipeline)
        if asked:  # not where the deadline is over: the call has heard the fallback
            queue.add(pipeline, run.keys, [asked], alive=run.keys.rq_job(call.id))
    except NoCallHandlerError as error:
        failure, reason = Failure.NO_HANDLER, str(error)
    except HandlerTimeoutError as error:
        failure, reason = Failure.HANDLER_TIMEOUT, str(error)
    except McError as error:
        failure, reason = Failure.INVALID_MC, str(error)
    except StateError as error:
        failure, reason = Failure.HANDLER_RAISED, str(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a handler may raise anything, and the caller waits
        failure, reason = Failure.HANDLER_RAISED, type(error).__name__
    else:
        return Reply(call=call.id, mc=cast("list[JsonValue]", commands))
    run.lines.error(f"voice.{failure.value}", call.account, event_id=call.id, reason=discreet(reason, call))
    return Reply(call=call.id, failure=failure)


def time_left(run: Runtime, call: Call) -> float:
    """Give the seconds in which an answer is of use, by the server's clock: the call's job dies at its deadline."""
    deadline = run.settings.voice_deadline.total_seconds()
    left_ms = run.redis.pttl(run.keys.rq_job(call.id))
    return left_ms / 1000 - min(_MARGIN_S, deadline * _LARGEST_MARGIN)


def compose(run: Runtime, call: Call, limit: float) -> tuple[list[dict[str, object]], list[Intent]]:
    """Run the handler of a call, for `limit` seconds at most. Return its MC with the wire's names, and what it asks to
    be sent.

    Raises NoCallHandlerError, McError, HandlerTimeoutError and whatever the handler raises.
    """
    handler = run.registry.answering(call)
    if handler is None:
        step = "answer()" if isinstance(call, CallIncomingEvent) else f'collect("{call.data.step or ""}")'
        raise NoCallHandlerError(f"there is no @voice.{step} for it")
    call_run = CallRun(handler, call, limit, run.state)
    actions = parse_mc(run.calls.run(call_run))
    mc = render_mc(actions, lambda step: step_url(run.settings, call, step), run.settings.voice_language)
    return mc, call_run.context.send.close()


def step_url(settings: Settings, call: Call, step: str) -> str:
    """Give the `event-url` of a step of the same account's flow; the call's context goes along."""
    return settings.callback_url(f"mocean/voice/collect/{step}", settings.token_of(call.account), call.data.context)


class CallRun(Run):
    """A run of a voice handler, which may give its actions one by one: that too is within its time."""

    __slots__ = ("_handler", "_state", "call_event")

    def __init__(self, handler: CallHandler, call: Call, limit: float, state: object = None) -> None:
        super().__init__(limit)
        self._handler = handler
        self.call_event = call
        self._state = state

    @property
    def is_async(self) -> bool:
        """Whether it is for the loop."""
        return self._handler.is_async

    def call(self) -> object:
        """Call the handler; it returns its actions whole, or a coroutine that does."""
        given = (self.call_event, self.context) if self._handler.takes_context else (self.call_event,)
        returned = self._handler.function(*given)
        # Also behind a plain decorator, where it does not show before the call.
        return _awaited(returned) if isinstance(returned, Awaitable | AsyncIterator) else _whole(returned)

    def make_context(self) -> Context:
        """Return what the handler may know beside the call."""
        call, name = self.call_event, self._handler.name
        outgoing = Outgoing(call, name, (call.id, name))
        return Context(name, call.id, 1, None, state=self._state, outgoing=outgoing, account=call.account)


async def _awaited(returned: object) -> object:
    while isinstance(returned, Awaitable):
        returned = await returned
    if isinstance(returned, AsyncIterator):
        return [action async for action in returned]
    return _whole(returned)


def _whole(returned: object) -> object:
    return list(returned) if isinstance(returned, Iterator) else returned
