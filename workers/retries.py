"""Retries: the RQ job that runs one handler on one event again, until it succeeds or its attempts are spent."""

from typing import cast

from rq import get_current_job
from rq.job import Job

from schemas.events import EVENTS
from workers.letters import jittered
from workers.registry import HandlerError
from workers.run import Context, Runner
from workers.runtime import runtime


def retry(event_json: str, handler_name: str, advanced: bool | None) -> None:
    """Run the handler once more. RQ runs this, and by what it raises schedules the next attempt or buries the job.

    Raises whatever the handler raises, HandlerTimeoutError, and HandlerError where the handler is no more.
    """
    run = runtime.get()
    job = cast("Job", get_current_job())
    event = EVENTS.validate_json(event_json)
    attempt = job.meta["attempt"] = job.meta["attempt"] + 1
    job.save_meta()  # type: ignore[no-untyped-call]
    handler = run.registry.handlers.get(handler_name)
    runner = Runner()
    context = Context(handler_name, event.id, attempt, advanced)
    try:
        if handler is None:
            raise HandlerError(f"there is no handler {handler_name} any more")
        runner.run(handler, event, context, handler.subscription.timeout)
    except (Exception, SystemExit) as error:
        context.log.warning("handler.failed", error=type(error).__name__)
        pauses = handler.subscription.retry if handler else ()
        if attempt <= len(pauses):
            job.retry_intervals = [jittered(pauses, attempt)]
        else:
            job.retries_left = 0  # RQ then keeps it as a dead letter, with this traceback
        raise
    finally:
        runner.close()
