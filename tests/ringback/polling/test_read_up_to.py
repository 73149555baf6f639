"""How far rows were read, and since when they are known: marks in, answers out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.polling.pace import PollPace
from ringback.polling.read_up_to import ReadUpTo

MINUTE = 60_000


def test_rows_are_old_once_a_mark_that_has_them_is() -> None:
    state = ReadUpTo(5).seen(0, 5).seen(1 * MINUTE, 7).seen(2 * MINUTE, 9)
    assert [state.old(at) for at in (-1, 0, MINUTE - 1, MINUTE, 2 * MINUTE, 99 * MINUTE)] == [5, 5, 5, 7, 9, 9]


def test_a_row_was_not_there_at_the_last_mark_without_it() -> None:
    state = ReadUpTo(5).seen(1, 5).seen(2, 5).seen(3, 7).seen(4, 9)
    assert [state.not_there(row, 0) for row in (4, 5, 6, 7, 8, 9, 10)] == [0, 0, 2, 2, 3, 3, 4]


def test_what_was_dealt_with_is_forgotten_but_for_the_last_mark() -> None:
    state = ReadUpTo(5).seen(1, 5).seen(2, 6).seen(3, 7).seen(4, 9).moved(7)
    assert state == ReadUpTo(7, ((3, 7), (4, 9)))
    assert state.not_there(8, 0) == 3
    assert state.moved(6) == state


def test_an_hour_without_a_message_takes_two_marks() -> None:
    state = ReadUpTo(5)
    for minute in range(60):
        state = state.seen(minute * MINUTE, 5)
    assert state.marks == ((0, 5), (59 * MINUTE, 5))


@given(st.integers(0, 10**9), st.lists(st.tuples(st.integers(0, 10**13), st.integers(0, 10**9)), max_size=20))
def test_it_is_kept_as_it_is(cursor: int, marks: list[tuple[int, int]]) -> None:
    state = ReadUpTo(cursor, tuple(marks))
    assert ReadUpTo.load(state.dump()) == state
    assert ReadUpTo.load(state.dump().encode()) == state


@pytest.mark.parametrize(
    ("age_min", "next_min"),
    [
        (0, 10),
        (9, 10),
        (10, 20),
        (15, 20),
        (20, 40),
        (1279, 1280),
        (1280, 2160),
        (2159, 2160),
        (2160, None),
        (9999, None),
    ],
)
def test_when_a_report_is_asked_for_next(age_min: int, next_min: int | None) -> None:
    accepted = 1_700_000_000_000
    expected = None if next_min is None else accepted + next_min * MINUTE
    assert PollPace().next_report(accepted, accepted + age_min * MINUTE) == expected
