"""How much slower than alone a process is on a machine that others keep busy: bounds of time are stretched by it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import fmean
from threading import Event, Thread
from typing import Final

SAMPLE_EVERY_S: Final = 0.5
SAMPLE_S: Final = 0.05
"""Of processor time: longer than a turn, so that others get theirs in between as they do in any work."""


class Slowness:
    """Samples of work, each as often as long as the processor time in it."""

    def __init__(self) -> None:
        self._samples = [1.0]

    @property
    def times(self) -> float:
        """How often as long work takes as alone, on average; 1 where cores are free."""
        return max(1.0, fmean(self._samples))

    def sample(self) -> None:
        """Work a little, and note how long it took."""
        began, used = time.monotonic(), time.thread_time()
        while time.thread_time() - used < SAMPLE_S:
            pass
        self._samples.append((time.monotonic() - began) / SAMPLE_S)

    def sample_until(self, stop: Event) -> None:
        while not stop.wait(SAMPLE_EVERY_S):
            self.sample()


@contextmanager
def slowness() -> Iterator[Slowness]:
    """Sample the machine while the block lasts."""
    measured, stop = Slowness(), Event()
    thread = Thread(target=measured.sample_until, args=[stop])
    thread.start()
    try:
        yield measured
    finally:
        stop.set()
        thread.join()
