"""Retries: the RQ job that runs one handler on one event again, until it succeeds or its attempts are spent.

A replay is one too, and so is a dead letter that is given another try; their attempts count from 1. That of an entry
that could not be read is read again, and then begins a run for each handler.
"""

import time
from typing import cast

from rq import get_current_job
from rq.job import Job

from ringback.schemas.events import EVENTS
from ringback.workers.decorators import DEFAULT_TIMEOUT_S
from ringback.workers.failures.failure import UnreadableError, error_name, jittered, pause_asked
from ringback.workers.failures.letters import ABANDONED_RUNS, NO_HANDLER, Letters
from ringback.workers.failures.line import Line
from ringback.workers.handling.aside import Aside
from ringback.workers.marks import HandlerError
from ringback.workers.registry import Handler
from ringback.workers.running.context import Context
from ringback.workers.running.discretion import discreet
from ringback.workers.running.invocation import HandlerTimeoutError, Invocation
from ringback.workers.running.outcomes import Drop
from ringback.workers.running.runner import Runner
from ringback.workers.runtime import Runtime, runtime
from ringback.workers.tally import Tally


def must_wait(run: Runtime, job: Job, taken_to: str) -> bool:
    """Put a job in its handler's line, before a horse is forked for it, if the handler hangs and it has not the turn.

    A handler that hangs on this event alone is not set aside; so a job that has hung before runs in turn as well.
    """
    handler, name = _handler_of(run, job)
    aside, line = Aside(run.redis, run.keys), Line(run.redis, run.keys)
    aside.look()
    if not aside.has(name) and job.meta.get("error") != HandlerTimeoutError.__name__:
        return False
    if line.take_turn(name, job.id, handler.subscription.timeout if handler else DEFAULT_TIMEOUT_S):
        return False
    line.join(name, job.id, taken_to)
    return True


def hung(run: Runtime, job: Job) -> None:
    """Say that a job's horse was killed because no alarm could end the handler. RQ then goes on with the job."""
    handler, name = _handler_of(run, job)
    job.refresh()  # type: ignore[no-untyped-call]  # its horse has counted the attempt
    _failed(job, handler, HandlerTimeoutError())
    Aside(run.redis, run.keys).timed_out(name)
    Line(run.redis, run.keys).pause(name)


def _handler_of(run: Runtime, job: Job) -> tuple[Handler | None, str]:
    """Return the handler of a job and its present name; None and the name in the job where it is no more."""
    named = cast("str", job.meta["handler"])
    handler = run.registry.find(named)
    return handler, handler.name if handler else named


def retry(event_json: str, handler_name: str, advanced: bool | None) -> None:
    """Run the handler once more. RQ runs this, and by what it raises schedules the next attempt or buries the job.

    Raises whatever the handler raises but Drop, HandlerTimeoutError, HandlerError where the handler is no more, and
    UnreadableError where an entry still cannot be read.
    """
    run = runtime.get()
    job = cast("Job", get_current_job())
    if handler_name == NO_HANDLER:
        _read_again(run, job, event_json, advanced)
        return
    event = EVENTS.validate_json(event_json)
    attempt = job.meta["attempt"] = job.meta["attempt"] + 1
    job.meta.pop("error", None)  # the last attempt's; this one may end without a word, with its worker
    job.save_meta()  # type: ignore[no-untyped-call]
    handler, name = _handler_of(run, job)
    runner = Runner(run.watch)
    aside, line = Aside(run.redis, run.keys), Line(run.redis, run.keys)
    aside.look()
    context = Context(name, event.id, attempt, advanced, replay=job.meta.get("replay", False), begun_as=handler_name)
    raised: BaseException | None = None
    began = time.perf_counter()
    try:
        if handler is None:
            raise HandlerError(
                f"there is no handler {name} any more; if it has another name now: @on(…, aliases=[{name!r}])"
            )
        # What failed may have been `when`, and what it would have said is not known; or the declaration has changed.
        if event.type in handler.subscription.types and handler.wants(event, advanced=advanced):
            runner.run(Invocation(handler, event, context, handler.subscription.timeout))
        else:
            context.log.info("handler.not_wanted")
    except Drop as drop:
        raised = drop
        context.log.warning("handler.dropped", reason=discreet(str(drop.reason), event))
    except (Exception, SystemExit) as error:
        context.log.warning("handler.failed", error=error_name(error))
        raised = error
        _failed(job, handler, error)
        raise
    finally:
        runner.close()
        _tell(run, name, raised, time.perf_counter() - began)
        if isinstance(raised, HandlerTimeoutError):
            aside.timed_out(name)
            line.pause(name)
        else:
            aside.ended_in_time(name)
            line.pass_on(name, job.id)
        if handler_name != name:  # what stands in the line of the earlier name goes on, to the present one's
            line.pass_on(handler_name, job.id)


def _read_again(run: Runtime, job: Job, text: str, advanced: bool | None) -> None:
    """Let the handlers have what could not be read, if it can be now: a newer version may know its type."""
    try:
        event = EVENTS.validate_json(text.encode(errors="surrogateescape"))
    except (ValueError, RecursionError) as error:
        job.meta["attempt"] += 1
        unreadable = UnreadableError.of(error)
        _failed(job, None, unreadable)
        raise unreadable from None
    letters = Letters(run.redis)
    with run.redis.pipeline(transaction=True) as pipeline:
        for handler in run.registry.of_type(event.type):
            letters.begin(pipeline, text, event.id, handler.name, advanced, replay=False)
        pipeline.execute()


def _tell(run: Runtime, handler: str, error: BaseException | None, seconds: float) -> None:
    tally = Tally(run.keys)
    tally.ran(handler, error, seconds)
    with run.redis.pipeline(transaction=True) as pipeline:
        tally.write(pipeline)
        pipeline.execute()


def _failed(job: Job, handler: Handler | None, error: BaseException) -> None:
    """Say by what RQ reads in the job when it is to run again; after the last attempt it is a dead letter."""
    attempt: int = job.meta["attempt"]
    job.meta["error"] = error_name(error)
    job.save_meta()  # type: ignore[no-untyped-call]
    pauses = handler.subscription.retry if handler else ()
    if attempt <= len(pauses):
        asked = pause_asked(error)
        job.retry_intervals = [jittered(pauses, attempt) if asked is None else asked]
        job.retries_left = ABANDONED_RUNS
    else:
        job.retries_left = 0  # RQ then keeps it, with this traceback
