"""Retries: the RQ job that runs one handler on one event again, until it succeeds or its attempts are spent.

A replay is one too, and so is a dead letter that is given another try; their attempts count from 1.
"""

from typing import cast

from rq import get_current_job
from rq.job import Job

from schemas.events import EVENTS
from workers.aside import Aside
from workers.letters import ABANDONED_RUNS, error_name, jittered, pause_asked
from workers.outcomes import Drop
from workers.registry import HandlerError
from workers.run import Context, HandlerTimeoutError, Run, Runner
from workers.runtime import runtime


def retry(event_json: str, handler_name: str, advanced: bool | None) -> None:
    """Run the handler once more. RQ runs this, and by what it raises schedules the next attempt or buries the job.

    Raises whatever the handler raises but Drop, HandlerTimeoutError, and HandlerError where the handler is no more.
    """
    run = runtime.get()
    job = cast("Job", get_current_job())
    event = EVENTS.validate_json(event_json)
    attempt = job.meta["attempt"] = job.meta["attempt"] + 1
    job.meta.pop("error", None)  # the last attempt's; this one may end without a word, with its worker
    job.save_meta()  # type: ignore[no-untyped-call]
    handler = run.registry.handlers.get(handler_name)
    runner = Runner(run.watch)
    aside = Aside(run.redis, run.keys)
    aside.look()
    context = Context(handler_name, event.id, attempt, advanced, replay=job.meta.get("replay", False))
    try:
        if handler is None:
            raise HandlerError(f"there is no handler {handler_name} any more")
        # What failed may have been `when`, and what it would have said is not known.
        if handler.wants(event, advanced=advanced):
            runner.run(Run(handler, event, context, handler.subscription.timeout))
            aside.succeeded(handler_name)
        else:
            context.log.info("handler.not_wanted")
    except Drop as drop:
        context.log.warning("handler.dropped", reason=drop.short)
    except (Exception, SystemExit) as error:
        context.log.warning("handler.failed", error=error_name(error))
        if isinstance(error, HandlerTimeoutError):
            aside.timed_out(handler_name)
        pauses = handler.subscription.retry if handler else ()
        if attempt <= len(pauses):
            asked = pause_asked(error)
            job.retry_intervals = [jittered(pauses, attempt) if asked is None else asked]
            job.retries_left = ABANDONED_RUNS
        else:
            job.retries_left = 0  # RQ then keeps it as a dead letter, with this traceback
            job.meta["error"] = error_name(error)
            job.save_meta()  # type: ignore[no-untyped-call]
        raise
    finally:
        runner.close()
