"""``rma`` with a wall clock that a file sets wrong, as a run starts it; production has no switch for that.

    CHAOS_CLOCK=FILE python -m workers.trials.chaos.wrong_clock WORDS

The file holds by how many seconds the clock is ahead; where there is none it is right.
"""

from __future__ import annotations

import os
import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from workers.runtime import clock

CLOCK: Final = "CHAOS_CLOCK"
COMMAND_LINE: Final = "workers.cli.app"


def wrong_now() -> datetime:
    """Return the time that this process is to believe, in UTC."""
    try:
        ahead_s = float(Path(os.environ[CLOCK]).read_text())
    except FileNotFoundError:
        ahead_s = 0.0
    return datetime.now(UTC) + timedelta(seconds=ahead_s)


def main() -> None:
    """Put the clock in place before anybody has taken the real one, and run the command line."""
    setattr(clock, clock.utc_now.__name__, wrong_now)
    runpy.run_module(COMMAND_LINE, run_name="__main__")


if __name__ == "__main__":
    main()
