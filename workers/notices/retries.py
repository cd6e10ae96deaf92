"""When a message that was not taken is tried again: with growing pauses, for about a day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from workers.runtime.pauses import growing_s

FIRST_PAUSE_S: Final = 1
PAUSE_MAX_S: Final = 3_600
FOR_AT_MOST: Final = timedelta(days=1)


def again_at(tries: int, now: datetime) -> datetime:
    """Return when a message is tried again that was tried so often before, now once more."""
    return now + timedelta(seconds=growing_s(tries, first_s=FIRST_PAUSE_S, factor=2, longest_s=PAUSE_MAX_S))


def is_given_up(first_tried_at: datetime | None, now: datetime) -> bool:
    """Tell whether a message is tried no more."""
    return first_tried_at is not None and now - first_tried_at >= FOR_AT_MOST
