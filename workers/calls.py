"""Calls: the RQ job that answers "what now?". It runs the voice handler and sends its MC to the request that waits."""

import inspect
import json
from typing import Final

import structlog

from schemas.events import EVENTS, CallIncomingEvent, CallInputEvent, Event
from schemas.mc import McError, parse_mc, render_mc
from schemas.settings import Settings
from workers.registry import CallHandler, Registry
from workers.run import Context, HandlerTimeoutError, Run, Runner
from workers.runtime import Runtime, runtime

log = structlog.get_logger()

_REPLY_TTL_S: Final = 60


class NoCallHandlerError(Exception):
    """No handler answers this call, or this step of it."""


def answer(event_json: str, reply_to: str) -> None:
    """Answer a call. RQ runs this; whatever goes wrong is replied at once, so that the fallback need not wait."""
    run = runtime.get()
    event = EVENTS.validate_json(event_json)
    reply: dict[str, object] = {"call": event.id}
    try:
        reply["mc"] = compose(run, event)
    except NoCallHandlerError as error:
        reply["error"] = "no_handler"
        log.error("voice.no_handler", event_id=event.id, reason=str(error))
    except HandlerTimeoutError:
        reply["error"] = "handler_timeout"
    except McError as error:
        reply["error"] = "invalid_mc"
        log.error("voice.invalid_mc", event_id=event.id, reason=str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a handler may raise anything, and the caller waits
        reply["error"] = "handler_raised"
        log.error("voice.handler_raised", event_id=event.id, error=type(error).__name__)
    with run.redis.pipeline(transaction=True) as pipeline:
        pipeline.rpush(reply_to, json.dumps(reply))
        pipeline.expire(reply_to, _REPLY_TTL_S)
        pipeline.execute()


def compose(run: Runtime, event: Event) -> list[dict[str, object]]:
    """Run the handler of a call and give its MC with the wire's names.

    Raises NoCallHandlerError, McError, HandlerTimeoutError and whatever the handler raises.
    """
    handler = handler_of(run.registry, event)
    runner = Runner(run.watch)
    try:
        context = Context(handler.name, event.id, 1, None)
        returned = runner.run(Run(handler, event, context, run.settings.voice_deadline.total_seconds()))
        commands = list(returned) if inspect.isgenerator(returned) else returned
    finally:
        runner.close()
    return render_mc(parse_mc(commands), lambda step: step_url(run.settings, event, step))


def handler_of(registry: Registry, event: Event) -> CallHandler:
    """Give the handler that answers a call event. Raises NoCallHandlerError."""
    match event:
        case CallIncomingEvent():
            step, what = None, "@voice.answer()"
        case CallInputEvent():
            step = event.data.step or ""
            what = f'@voice.collect("{step}")'
        case _:
            raise NoCallHandlerError(f"{event.type} is not answered")
    handler = registry.calls.get(step)
    if handler is None:
        raise NoCallHandlerError(f"there is no {what}")
    return handler


def step_url(settings: Settings, event: Event, step: str) -> str:
    """Give the `event-url` of a step of the same account's flow; the call's context goes along."""
    return settings.callback_url(f"mocean/voice/collect/{step}", settings.token_of(event.account), event.data.context)
