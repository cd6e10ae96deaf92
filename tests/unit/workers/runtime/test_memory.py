"""What large batches needed is given back to the system."""

from __future__ import annotations

import ctypes

import psutil
import pytest

from workers.runtime.loop import give_back_memory

RECORDS = 20_000
RECORD_BYTES = 3_000
KEPT_EVERY = 100


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library has no malloc_trim")
def test_free_memory_between_what_is_kept_is_given_back() -> None:
    """A few records that are kept do not keep the rest of their batch's memory."""
    process = psutil.Process()
    records = [bytes(RECORD_BYTES + number % 1_000) for number in range(RECORDS)]
    kept = records[::KEPT_EVERY]
    del records
    before = process.memory_info().rss

    give_back_memory()

    assert before - process.memory_info().rss > RECORDS * RECORD_BYTES / 2
    assert len(kept) == RECORDS // KEPT_EVERY
