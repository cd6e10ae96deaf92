"""What nobody uses and what does not free itself: objects that point at each other in a ring.

Python looks for rings whenever there are so many new objects, and looks at each of them. What a worker keeps from one
turn of its loop to the next are thousands of facts and rows, none of them in a ring: looking at them took a command
worker 6 % of its time, in pauses of tens of milliseconds. So what a large turn leaves is set aside, and all that was
set aside is looked through once in a while. Rings are made by Kafka's client while it waits, some 330 objects a second:
small turns, which wait, are left to Python.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Final

LOOK_EVERY_S: Final = 300.0
LARGE_TURN_OBJECTS: Final = 10_000
"""A turn is large that leaves so many objects more than there were before it."""

NEW_OBJECTS: Final = 50_000
"""After so many new objects whoever has no turns has the new ones looked through."""

NEW_OBJECTS_OF_TURNS: Final = 100_000
"""The same of whoever has: more than a large batch has in hand."""


class Garbage:
    """The rings of a process whose work comes in turns.

    Args:
        clock: Seconds, of a clock that only goes forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked_at = clock()
        gc.freeze()
        look_after(NEW_OBJECTS_OF_TURNS)

    def end_turn(self) -> None:
        """Set aside what a large turn has left, and look through all that was where that was long ago."""
        if self._clock() - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = self._clock()
            gc.unfreeze()
            gc.collect()
            gc.freeze()
        elif gc.get_count()[0] >= LARGE_TURN_OBJECTS:
            gc.freeze()


def collect_garbage_less_often() -> None:
    """Let the garbage collector run once per many objects; what it cost was a sixth of a worker's time."""
    gc.freeze()
    look_after(NEW_OBJECTS)


def look_after(new_objects: int) -> None:
    """Let Python look for rings once there are so many new objects, and seldom among those that outlived a look."""
    gc.set_threshold(new_objects, 20, 50)
