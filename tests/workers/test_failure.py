"""Failures: whatever a handler raises can be kept, and the next attempt is never earlier than asked."""

import pytest

from ringback.clients.errors import (
    InDoubtError,
    InvalidRequestError,
    NoCreditError,
    NotConfiguredError,
    PartialError,
    RefusedError,
    SendError,
    ThrottledError,
    UnauthorizedError,
    UnavailableError,
)
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


def failed(kind: type[SendError], permanent: bool | None = None, retry_after: float | None = None) -> SendError:
    """Return an error whose provider has said what no log may have."""
    said = "no route to +60123456789"
    return kind(
        "mocean", "sms", "no answer", description=said, permanent=permanent, retry_after=retry_after, raw={"err": said}
    )


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        pytest.param(failed(InvalidRequestError), None, None, id="invalid"),
        pytest.param(failed(NotConfiguredError), None, None, id="no credentials"),
        pytest.param(failed(UnauthorizedError), None, None, id="wrong credentials"),
        pytest.param(failed(NoCreditError), None, None, id="no credit"),
        pytest.param(failed(RefusedError, permanent=True), None, None, id="refused for good"),
        pytest.param(failed(RefusedError, permanent=True, retry_after=1), None, None, id="refused, and says wait"),
        pytest.param(failed(PartialError), None, None, id="some were sent to"),
        pytest.param(failed(RefusedError), 60, 72, id="refused, nobody knows why"),
        pytest.param(failed(RefusedError, permanent=False), 60, 72, id="refused for now"),
        pytest.param(failed(UnavailableError), 60, 72, id="away"),
        pytest.param(failed(UnavailableError, retry_after=300), 300, 300, id="away for five minutes"),
        pytest.param(failed(InDoubtError), 60, 72, id="in doubt"),
        pytest.param(failed(ThrottledError), 60, 72, id="throttled"),
        pytest.param(failed(ThrottledError, retry_after=5), 60, 72, id="throttled for less than the schedule"),
        pytest.param(failed(ThrottledError, retry_after=90), 90, 90, id="throttled for longer"),
        pytest.param(failed(ThrottledError, retry_after=9e8), 30 * 86400, 30 * 86400, id="throttled for years"),
    ],
)
def test_what_a_provider_says_decides_the_pause(error: SendError, least: float | None, most: float | None) -> None:
    pause = pause_after(raised(error), [60], 1)
    if least is None or most is None:
        assert pause is None
    else:
        assert pause is not None
        assert least <= pause <= most
    assert pause_after(error, [60], 2) is None


def test_a_provider_error_shows_no_words_of_the_provider() -> None:
    text = traceback_of(raised(failed(RefusedError, permanent=True)))
    assert "mocean sms: no answer (nothing was sent)" in text
    assert "60123456789" not in text
    assert "no route" not in text
