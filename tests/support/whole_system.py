"""A system at work for one test: command worker, relay and read models, in threads, until the test is done with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

from infra.settings import Settings
from workers.operating.initialising import initialise
from workers.registry import READ_MODELS, worker_named

STOP_TIMEOUT_S: Final = 30.0


@contextmanager
def working(settings: Settings, *, without: Collection[str] = ()) -> Iterator[Settings]:
    """Run the command worker, the relay and every projector but those named in ``without``."""
    initialise(settings)
    stop = Event()
    names = [name for name in ("commands", "relay", *READ_MODELS) if name not in without]
    started = [Thread(target=worker_named(name).run, args=(settings, stop), name=name) for name in names]
    for worker in started:
        worker.start()
    try:
        yield settings
    finally:
        stop.set()
        for worker in started:
            worker.join(STOP_TIMEOUT_S)
        assert not [worker.name for worker in started if worker.is_alive()]
