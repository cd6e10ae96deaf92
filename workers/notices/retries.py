"""When a message that was not taken is tried again: with growing pauses, for about a day."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Final

FIRST_PAUSE_S: Final = 1
PAUSE_MAX_S: Final = 3_600
FOR_AT_MOST: Final = timedelta(days=1)
JITTER: Final = 0.2
"""Pauses vary by this share, so that many messages do not come back at once."""


def again_at(tries: int, now: datetime) -> datetime:
    """Return when a message is tried again that was tried so often before, now once more."""
    pause_s = min(PAUSE_MAX_S, FIRST_PAUSE_S * 2 ** min(tries, 20))
    return now + timedelta(seconds=pause_s * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311


def is_given_up(first_tried_at: datetime | None, now: datetime) -> bool:
    """Tell whether a message is tried no more."""
    return first_tried_at is not None and now - first_tried_at >= FOR_AT_MOST
