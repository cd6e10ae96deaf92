"""The architecture page leads a newcomer from a command to its rows, and the way is short enough to be walked."""

from __future__ import annotations

from typing import Final

import pytest

from tests.support.walk import Stop, walk

LINES_MAX: Final = 1_000
OFF_MAX: Final = 10


@pytest.mark.parametrize("stop", walk(), ids=lambda stop: f"{stop.path}:{stop.names[0]}")
def test_what_the_page_names_is_there_and_as_long_as_it_says(stop: Stop) -> None:
    """A name that is gone, or a count that is far off, would lead nowhere."""
    assert abs(stop.lines() - stop.said_lines) <= OFF_MAX


def test_the_walk_is_short() -> None:
    """From Kafka to the rows in less than a thousand lines, every stop of which could be read."""
    stops = walk()

    assert len(stops) >= 15
    assert sum(stop.lines() for stop in stops) < LINES_MAX
