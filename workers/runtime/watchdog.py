"""A worker that hangs is ended, so that another takes over and whoever supervises it starts it again.

What is away is waited for with signs of life, and what takes long is bounded by every service; what is left is a loop
without end in this program, even inside a library written in C that lets no other thread run. Nobody else ends that:
its session at Kafka lives on, and a record that hangs every worker that reads it would stand before its partition for
ever. Ended so, it is found in the hand of who died of it, and parked after a few times.
"""

from __future__ import annotations

import faulthandler
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread, current_thread, main_thread
from typing import Final

from infra.metrics import WorkerMetrics

HUNG_AFTER_S: Final = 180.0
"""Three times as long as ``/healthz`` allows: whoever looks there has had his turn."""
LOOK_EVERY_S: Final = 5.0


@contextmanager
def ended_if_it_hangs(metrics: WorkerMetrics) -> Iterator[None]:
    """End this process with exit code 1, and print where each thread stands, where a worker gives no sign of life.

    A worker that is not its process's main thread is left alone: the process belongs to others.
    """
    if current_thread() is not main_thread():
        yield
        return
    done = Event()
    watch = Thread(target=_watch, args=(metrics, done), name="watchdog", daemon=True)
    watch.start()
    try:
        yield
    finally:
        done.set()
        watch.join()
        faulthandler.cancel_dump_traceback_later()


def _watch(metrics: WorkerMetrics, done: Event) -> None:
    """Put the end off with each sign of life; it comes by itself where not even this thread gets a turn."""
    seen = None
    while not done.is_set():
        if seen != metrics.beat_at:
            seen = metrics.beat_at
            faulthandler.dump_traceback_later(HUNG_AFTER_S, exit=True, file=sys.__stderr__ or sys.stderr)
        done.wait(LOOK_EVERY_S)
