"""A whole system at work for one test: every worker of the wiring, in threads, until the test is done with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

from infra.settings import Settings
from projections.read_models import PROJECTIONS
from workers.wiring import initialise, run_commands, run_projector, run_relay

STOP_TIMEOUT_S: Final = 30.0


@contextmanager
def working(settings: Settings, *, without: Collection[str] = ()) -> Iterator[Settings]:
    """Run the command worker, the relay and every projector but those named in ``without``."""
    initialise(settings)
    stop = Event()
    workers = {
        "commands": Thread(target=run_commands, args=(settings, stop)),
        "relay": Thread(target=run_relay, args=(settings, stop)),
    }
    workers |= {name: Thread(target=run_projector, args=(settings, stop, name)) for name in PROJECTIONS}
    started = [worker for name, worker in workers.items() if name not in without]
    for worker in started:
        worker.start()
    try:
        yield settings
    finally:
        stop.set()
        for worker in started:
            worker.join(STOP_TIMEOUT_S)
        assert not [worker.name for worker in started if worker.is_alive()]
