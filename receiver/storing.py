"""Storing: the callbacks of a request become events that are stored, each for itself, or go to the quarantine."""

import asyncio
from functools import partial
from typing import Final

import structlog

from ringback.receiver.bounds.load import LONGEST_USUAL_BODY, NoRoomError
from ringback.receiver.commit.committer import CommitError
from ringback.receiver.commit.waiting import LABELS, CommitOutcome, Waiting
from ringback.receiver.http.answers import Answer
from ringback.receiver.parsing.codings import TooLargeError
from ringback.receiver.parsing.normalise import Normaliser, UnusableError
from ringback.receiver.parsing.parse import Parsed
from ringback.receiver.parsing.request import CallbackRequest, check_size
from ringback.receiver.visit import Receiver, Visit

log = structlog.get_logger()

_KEPT_AT_ONCE: Final = 16


async def store_callbacks(visit: Visit) -> tuple[Answer, dict[str, str]]:
    """Store the callbacks of a request, each for itself: the good ones as events, the bad ones quarantined.

    Raises TooLargeError where the body is over the limit once its Content-Encoding is undone, and NoRoomError where
    so many events cannot wait here.
    """
    try:
        if len(visit.request.body) <= LONGEST_USUAL_BODY:
            parsed = visit.request.callbacks()
            if len(parsed) == 1:
                return await _store(visit, parsed[0], _made(visit, parsed[0]))
        pairs = await visit.receiver.load.aside(visit.request.account, partial(_read, visit))
    except UnusableError as error:
        return await visit.unusable(error, visit.request.body)
    except (TooLargeError, NoRoomError):
        raise
    except Exception:  # noqa: BLE001 - logged
        visit.receiver.lines.exception("callback.broken", callback=visit.request.callback.name)
        return await visit.broken(visit.request.body)
    good = [pair for pair in pairs if isinstance(pair[1], Waiting)]
    ended = await asyncio.gather(*(_store(visit, *pair) for pair in good))
    # The others wait for the quarantine, each with all that is kept of the request.
    bad = [pair for pair in pairs if not isinstance(pair[1], Waiting)]
    for start in range(0, len(bad), _KEPT_AT_ONCE):
        some = bad[start : start + _KEPT_AT_ONCE]
        ended += await asyncio.gather(*(_store(visit, *pair) for pair in some))
    for worst in (Answer.NOT_STORED, Answer.BROKEN, Answer.STORED):
        for outcome, problem in ended:
            if outcome is worst:
                return outcome, problem
    return ended[0]


def event_of(request: CallbackRequest, normaliser: Normaliser) -> Waiting | None:
    """Make what is to be stored of a request; None where it holds several callbacks. Raises UnusableError."""
    parsed = request.callbacks()
    return _waiting(request, parsed[0], normaliser) if len(parsed) == 1 else None


def _waiting(request: CallbackRequest, one: Parsed, normaliser: Normaliser) -> Waiting:
    made = Waiting.of(request.event(one.fields, normaliser))
    check_size(made.size)
    return made


def _made(visit: Visit, one: Parsed) -> Waiting | Exception:
    """Make what is to be stored of a callback, or what was wrong with it."""
    try:
        return _waiting(visit.request, one, visit.receiver.normaliser)
    except Exception as error:  # noqa: BLE001 - `_store` raises it again and handles each kind
        return error


def _read(visit: Visit) -> list[tuple[Parsed, Waiting | Exception]]:
    """Make all that is to be stored of a request.

    Raises NoRoomError where it cannot wait here, UnusableError where it would take too much.
    """
    parsed = visit.request.callbacks()
    if not visit.receiver.committer.room.has(visit.request.account, len(parsed)):
        raise NoRoomError
    pairs: list[tuple[Parsed, Waiting | Exception]] = []
    size = 0
    for one in parsed:
        made = _made(visit, one)
        if isinstance(made, Waiting):
            size += made.size
            check_size(size)
        pairs.append((one, made))
    return pairs


async def _store(visit: Visit, one: Parsed, made: Waiting | Exception) -> tuple[Answer, dict[str, str]]:
    try:
        event = _sound(made)
        outcome: CommitOutcome | CommitError = await visit.receiver.committer.store(event)
    except UnusableError as error:
        return await visit.unusable(error, one.body)
    except CommitError as error:
        outcome = error
    except Exception:  # noqa: BLE001 - logged
        visit.receiver.lines.exception("callback.broken", callback=visit.request.callback.name)
        return await visit.broken(one.body)
    return note_outcome(visit.receiver, event, outcome), {}


def note_outcome(receiver: Receiver, event: Waiting, outcome: CommitOutcome | CommitError) -> Answer:
    """Count and log what became of an event; return the answer."""
    if isinstance(outcome, CommitError):
        receiver.event_counts.not_stored(event)
        receiver.lines.warning("event.not_stored", event_id=event.id)
        return Answer.NOT_STORED
    receiver.event_counts.stored(event, outcome)
    if event.flags and outcome is CommitOutcome.STORED:
        receiver.lines.warning("event.odd", event.account, event_id=event.id, flags=event.flags)
    if receiver.logs_each_event:  # where it does not, the call alone would be a fiftieth of a request
        log.debug("event", event_id=event.id, outcome=LABELS[outcome])
    return Answer.STORED


def _sound(made: Waiting | Exception) -> Waiting:
    if isinstance(made, Exception):
        raise made
    return made
