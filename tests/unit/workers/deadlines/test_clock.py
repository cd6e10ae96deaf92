"""The deadline worker believes its clock, unless it has just jumped ahead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from workers.deadlines.worker import HOLD_S, JUMP_MAX_S, Clock

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Hands:
    """Two clocks that a test moves: one for the wall, one that runs steadily."""

    def __init__(self) -> None:
        self.at, self.steady_s = START, 1000.0

    def pass_s(self, seconds: float, *, jump_s: float = 0) -> datetime:
        """Let time pass, then set the wall clock by so much; return what it says now."""
        self.steady_s += seconds
        self.at += timedelta(seconds=seconds + jump_s)
        return self.at


def clock_and_hands() -> tuple[Clock, Hands]:
    hands = Hands()
    return Clock(lambda: hands.at, lambda: hands.steady_s), hands


def test_time_that_passes_is_believed() -> None:
    """However long the worker waited between two looks."""
    clock, hands = clock_and_hands()

    assert clock.now() == START
    assert clock.now() == hands.at
    for seconds in (1, 86_400):
        now = hands.pass_s(seconds)
        assert clock.now() == now


def test_small_corrections_are_believed() -> None:
    """A clock that is kept right by small steps is right."""
    clock, hands = clock_and_hands()

    for _ in range(10):
        now = hands.pass_s(1, jump_s=JUMP_MAX_S)
        assert clock.now() == now


def test_a_jump_ahead_is_believed_only_after_a_while() -> None:
    """A year that came in a second fires nothing at once."""
    clock, hands = clock_and_hands()
    hands.pass_s(1, jump_s=365 * 86_400)

    assert clock.now() is None
    hands.pass_s(HOLD_S - 1)
    assert clock.now() is None
    now = hands.pass_s(1)
    assert clock.now() == now


def test_a_jump_ahead_that_was_put_right_never_happened() -> None:
    """Deadlines that only a wrong clock passed are not fired."""
    clock, hands = clock_and_hands()
    hands.pass_s(1, jump_s=365 * 86_400)
    assert clock.now() is None

    now = hands.pass_s(1, jump_s=-365 * 86_400)

    assert clock.now() == now


def test_a_jump_back_is_believed_at_once() -> None:
    """Waiting a little longer does no harm; and coming back from it is no jump to wait for twice."""
    clock, hands = clock_and_hands()

    now = hands.pass_s(1, jump_s=-3600)

    assert clock.now() == now
