"""Pauses before another try: they grow, and vary, so that what failed at once does not come back at once."""

from __future__ import annotations

import random
from typing import Final

JITTER: Final = 0.2
"""Pauses vary by this share."""
GROWTHS_MAX: Final = 30


def varied_s(pause_s: float) -> float:
    """Return a pause, a little longer or shorter."""
    return pause_s * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret


def growing_s(growths: int, *, first_s: float, factor: float, longest_s: float) -> float:
    """Return the pause that has grown so often, varied."""
    return varied_s(min(longest_s, first_s * factor ** min(growths, GROWTHS_MAX)))
