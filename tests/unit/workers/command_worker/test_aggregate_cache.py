"""Aggregates are kept between batches within a bound of bytes."""

from __future__ import annotations

from tests.support.stories import six_steps
from workers.command_worker.streams import UNKNOWN, AggregateCache, Known

ORDER = Known(six_steps().aggregates["order/O-1"], 400)


def test_what_was_used_longest_ago_makes_room() -> None:
    """A stream counts by the bytes of its facts: a large one pushes out several small ones."""
    cache = AggregateCache(body_bytes_max=1_000)
    for stream in ("order/1", "order/2"):
        cache.put(stream, ORDER)
    cache.put("order/1", cache.take("order/1"))

    cache.put("order/3", ORDER)

    assert cache.take("order/2") == UNKNOWN
    assert cache.take("order/1") == cache.take("order/3") == ORDER


def test_what_is_taken_out_counts_no_more() -> None:
    """Nor what is put back twice, counted once, nor what was forgotten."""
    cache = AggregateCache(body_bytes_max=1_000)
    for _ in range(10):
        cache.put("order/1", ORDER)
    cache.put("order/2", ORDER)
    assert cache.take("order/1") == ORDER

    cache.clear()
    cache.put("order/3", ORDER)
    cache.put("order/4", ORDER)
    assert cache.take("order/3") == ORDER


def test_one_that_is_larger_than_all_room_is_not_kept() -> None:
    """It is loaded again for each batch."""
    cache = AggregateCache(body_bytes_max=100)
    cache.put("order/1", ORDER)
    assert cache.take("order/1") == UNKNOWN
