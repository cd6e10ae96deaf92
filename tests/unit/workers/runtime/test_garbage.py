"""Rings are freed once in a while; what a large turn leaves is not looked at before."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from weakref import ref

import pytest

from workers.runtime.garbage import LARGE_TURN_OBJECTS, LOOK_EVERY_S, Garbage


class Ring:
    """Something that nothing frees but a look for rings."""

    def __init__(self) -> None:
        self.itself = self


def large() -> list[list[int]]:
    """Return what makes a turn large."""
    return [[number] for number in range(2 * LARGE_TURN_OBJECTS)]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leave the collector as it was."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_a_ring_of_a_large_turn_is_freed_by_the_next_look() -> None:
    """Not by the end of the turn that left it, and by no look of Python's own."""
    now = 0.0
    garbage = Garbage(lambda: now)
    left, kept = ref(Ring()), large()
    garbage.end_turn()
    gc.collect()
    assert kept
    assert left() is not None

    now = LOOK_EVERY_S
    garbage.end_turn()
    assert left() is None


def test_a_ring_of_a_small_turn_is_left_to_python() -> None:
    """Kafka's client makes them while it waits: by the next look they would be too many."""
    garbage = Garbage(lambda: 0.0)
    gc.freeze()
    left = ref(Ring())
    garbage.end_turn()
    gc.collect(0)
    assert left() is None


def test_what_a_large_turn_leaves_is_set_aside() -> None:
    """So that no later turn pays for looking at it."""
    garbage = Garbage(lambda: 0.0)
    kept = large()
    garbage.end_turn()
    assert gc.get_freeze_count() >= len(kept)
    assert len(gc.get_objects()) < len(kept)
