"""Mocean Commands for handlers: what a call does next (Mocean document, "Mocean Command (MC) Reference").

A voice handler returns one of these, or a list of them. A wrong one raises at once, naming what is wrong.
"""

from collections.abc import Sequence

from schemas.mc import Collect, Dial, Language, Play, Record, Say, Sleep

__all__ = ["collect", "dial", "play", "record", "say", "sleep"]


def say(
    text: str, *, language: str | None = None, barge_in: bool | None = None, clear_digit_cache: bool | None = None
) -> Say:
    """Speak a text. Without a `language` the default one is used. `barge_in`: a digit skips the rest."""
    spoken = Language(language) if language is not None else None
    return Say(text=text, language=spoken, barge_in=barge_in, clear_digit_cache=clear_digit_cache)


def play(file: str | Sequence[str], *, barge_in: bool | None = None, clear_digit_cache: bool | None = None) -> Play:
    """Play an audio file, or several, by their URLs."""
    files = file if isinstance(file, str) else tuple(file)
    return Play(file=files, barge_in=barge_in, clear_digit_cache=clear_digit_cache)


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

    They go to `@voice.collect(step)`, or to `event_url` if someone else is to answer.
    """
    return Collect(step=step, event_url=event_url, max=max, min=min, timeout=timeout, terminators=terminators)


def sleep(duration: int) -> Sleep:
    """Wait; `duration` in milliseconds."""
    return Sleep(duration=duration)


def dial(to: str | Sequence[str], *, from_: str | None = None, dial_sequentially: bool | None = None) -> Dial:
    """Connect the call to a number with its country code; of several the first, or one after the other."""
    return Dial(to=to if isinstance(to, str) else tuple(to), from_=from_, dial_sequentially=dial_sequentially)


def record() -> Record:
    """Record the call from here on."""
    return Record()
