"""Mocean Commands for handlers: what a call does next (Mocean document, "Mocean Command (MC) Reference").

A voice handler returns one of these, or a list of them. A wrong one raises McError at once, naming what is wrong. What
is not given is not sent, and the provider's default holds.
"""

from collections.abc import Mapping, Sequence

from ringback.schemas.mc_actions import Action, Collect, Dial, Play, Raw, Record, Say, Sleep
from ringback.schemas.mc_wire import McError, make

__all__ = ["Action", "McError", "collect", "dial", "play", "raw", "record", "say", "sleep"]


def say(
    text: str, *, language: str | None = None, barge_in: bool | None = None, clear_digit_cache: bool | None = None
) -> Say:
    """Speak a text, in the language of `RINGBACK_VOICE_LANGUAGE` if none is given.

    `barge_in`: a digit skips the rest and goes to the cache. `clear_digit_cache`: forget the digits pressed so far.
    """
    return make(Say, text=text, language=language, barge_in=barge_in, clear_digit_cache=clear_digit_cache)


def play(file: str | Sequence[str], *, barge_in: bool | None = None, clear_digit_cache: bool | None = None) -> Play:
    """Play an audio file, or several, by their URLs. `barge_in` and `clear_digit_cache` as in `say`."""
    return make(Play, file=file, barge_in=barge_in, clear_digit_cache=clear_digit_cache)


def collect(
    *,
    step: str | None = None,
    event_url: str | None = None,
    max: int,  # noqa: A002 - the document's name
    min: int = 1,  # noqa: A002
    timeout: int = 5000,
    terminators: str | None = None,
) -> Collect:
    """Collect `min` to `max` digits, waiting `timeout` milliseconds for each.

    They go to `@voice.collect(step)`, or to `event_url` if someone else is to answer. One of the keys `terminators`
    (`"#"`, `"*#"`) ends the input while there are fewer than `min`.
    """
    return make(Collect, step=step, event_url=event_url, max=max, min=min, timeout=timeout, terminators=terminators)


def sleep(duration: int) -> Sleep:
    """Wait; `duration` in milliseconds."""
    return make(Sleep, duration=duration)


def dial(to: str | Sequence[str], *, from_: str | None = None, dial_sequentially: bool | None = None) -> Dial:
    """Connect the call to a number with its country code; `from_` is the caller ID.

    Of several numbers Mocean calls the first. `dial_sequentially`: one after the other.
    """
    return make(Dial, to=to, from_=from_, dial_sequentially=dial_sequentially)


def record() -> Record:
    """Record the call from here on."""
    return make(Record)


def raw(command: Mapping[str, object]) -> Raw:
    """Pass an action on as it is: for what the document does not know yet. It needs an `action`, and to be JSON."""
    return make(Raw, command=command)
