"""How often somebody may ask: counted by minutes, in this process alone."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final

from workers.http.errors import RateLimitedError

WINDOW_S: Final = 60.0
COUNTED_MAX: Final = 20_000
"""Of so many callers and addresses the counts are kept; those that began longest ago make room."""


class Rate:
    """Counts requests, each by whom it is from, in windows of a minute that begin with the first.

    Args:
        per_minute: How many requests one may send in a window.
        clock_s: Seconds of a steady clock.
    """

    def __init__(self, per_minute: int, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock_s = clock_s
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = Lock()

    def count(self, who: str) -> None:
        """Count one request; raises ``RateLimitedError`` where it is one too many, with the seconds left to wait."""
        now = self._clock_s()
        with self._lock:
            began, counted = self._windows.get(who, (now, 0))
            if now - began >= WINDOW_S:
                began, counted = now, 0
                self._windows.pop(who, None)
            if counted >= self._per_minute:
                raise RateLimitedError(math.ceil(began + WINDOW_S - now))
            self._windows[who] = (began, counted + 1)
            while len(self._windows) > COUNTED_MAX:
                self._windows.popitem(last=False)
