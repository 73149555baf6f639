"""Failures: whatever a handler raises can be kept, and the next attempt is never earlier than asked."""

import pytest

from ringback.workers.failures.failure import pause_after, traceback_of
from ringback.workers.running.outcomes import RetryLater


class UnwritableError(Exception):
    """An error whose own words cannot be had."""

    def __str__(self) -> str:
        raise LookupError("no words")


def raised(error: BaseException) -> BaseException:
    """Return an error as it is caught, with its traceback."""
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001 - it is returned
        return caught


def test_half_a_surrogate_pair_can_be_kept() -> None:
    text = traceback_of(raised(ValueError("bad \ud83d")))
    assert text.encode().decode() == text
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.endswith("ValueError: bad \\ud83d\n")


def test_a_text_of_five_megabytes_is_cut_and_says_so() -> None:
    text = traceback_of(raised(ValueError("x" * 5_000_000 + "the end")))
    assert len(text.encode()) < 100_000
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.endswith("the end\n")
    assert " characters are left out …\n" in text


def test_a_long_text_of_other_characters_is_cut_too() -> None:
    text = traceback_of(raised(ValueError("\ud83d" * 1_000_000)))
    assert len(text.encode()) < 100_000


def test_an_error_that_cannot_be_written_is_named() -> None:
    text = traceback_of(raised(UnwritableError()))
    assert "UnwritableError" in text


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), ExceptionGroup("two", [ValueError("a")])])
def test_any_error_has_a_traceback(error: BaseException) -> None:
    assert type(error).__name__ in traceback_of(raised(error))


def test_pauses() -> None:
    for _ in range(200):
        assert 1.0 <= (pause_after(ValueError(), [1, 60], 1) or 0) <= 1.2
        assert 60.0 <= (pause_after(ValueError(), [1, 60], 2) or 0) <= 72.0
    assert pause_after(ValueError(), [1, 60], 3) is None
    assert pause_after(ValueError(), [], 1) is None
    assert pause_after(RetryLater(0.5), [1000], 1) == 0.5
    assert pause_after(RetryLater(0.5), [1000], 2) is None
