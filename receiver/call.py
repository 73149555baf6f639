"""The call: someone waits on the phone for what comes next. The answer is its handler's, or the fallback."""

import asyncio
import time
from contextlib import suppress
from functools import partial

import structlog
from pydantic import JsonValue

from ringback.receiver.bounds.load import LONGEST_USUAL_BODY
from ringback.receiver.commit.committer import CommitError
from ringback.receiver.commit.waiting import CommitOutcome, Question, Waiting
from ringback.receiver.metrics import CallOutcome
from ringback.receiver.parsing.codings import TooLargeError
from ringback.receiver.parsing.normalise import UnusableError
from ringback.receiver.parsing.request import check_size
from ringback.receiver.replies import AnswerFailedError
from ringback.receiver.visit import Visit

log = structlog.get_logger()


async def answer_of(visit: Visit) -> list[JsonValue] | list[dict[str, object]]:
    """Return the MC that answers a call: its handler's, or the fallback whatever is wrong.

    Raises TooLargeError where the body is over the limit once its Content-Encoding is undone.
    """
    event_id, stored = None, False
    deadline_s = visit.receiver.voice_deadline.total_seconds()
    began = visit.began
    question = Question(visit.receiver.replies.key, began + deadline_s)
    try:
        async with asyncio.timeout(question.due - time.monotonic()):
            if len(visit.request.body) <= LONGEST_USUAL_BODY:
                asked = _asked(visit, question)
            else:
                asked = await visit.receiver.load.aside(visit.request.account, partial(_asked, visit, question))
            event_id = asked.id
            reply = visit.receiver.replies.expect(event_id)
            outcome_of_commit = await visit.receiver.committer.store(asked)
            visit.receiver.event_counts.stored(asked, outcome_of_commit)
            if outcome_of_commit is CommitOutcome.SPOOLED:
                raise CommitError("kept in the spool, where no worker takes it in time")
            stored = True
            commands = await reply
    except AnswerFailedError as error:
        outcome = CallOutcome(error.failure.value)
    except TimeoutError:
        outcome = CallOutcome.NO_WORKER if stored else CallOutcome.REDIS_AWAY if event_id else CallOutcome.BUSY
    except CommitError:
        outcome = CallOutcome.REDIS_AWAY
    except UnusableError as error:
        outcome = CallOutcome.UNUSABLE
        with suppress(TimeoutError):
            async with asyncio.timeout(question.due - time.monotonic()):
                await visit.unusable(error, visit.request.body)
    except TooLargeError:
        raise
    except Exception:  # noqa: BLE001 - logged
        outcome = CallOutcome.BROKEN
        visit.receiver.lines.exception("voice.broken", event_id=event_id)
        if not stored:
            with suppress(TimeoutError):
                async with asyncio.timeout(question.due - time.monotonic()):
                    await visit.broken(visit.request.body)
    else:
        visit.receiver.call_counts.count(CallOutcome.ANSWERED, time.monotonic() - began)
        log.debug("voice.answered", event_id=event_id)
        return commands
    finally:
        if event_id is not None:
            visit.receiver.replies.forget(event_id)
    visit.receiver.call_counts.count(outcome, time.monotonic() - began)
    visit.receiver.lines.warning("voice.fallback", outcome.value, event_id=event_id, reason=outcome.value)
    return visit.receiver.voice_fallbacks[visit.request.account]


def _asked(visit: Visit, question: Question) -> Waiting:
    """Make what is to be stored of a call. Raises UnusableError."""
    (one,) = visit.request.callbacks()
    asked = Waiting.of(visit.request.event(one.fields, visit.receiver.normaliser), question)
    check_size(asked.size)
    return asked
