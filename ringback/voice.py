"""Voice handlers: `@voice.answer()` for a new call, `@voice.collect("step")` for the digits of a step."""

from workers.registry import answer, collect

__all__ = ["answer", "collect"]
