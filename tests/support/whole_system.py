"""A system at work for one test: command worker, relay and read models, in threads, until the test is done with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from infra.settings import Settings
from workers.operating.initialising import initialise
from workers.registry import READ_MODELS
from workers.trials.sandbox import at_work


@contextmanager
def working(settings: Settings, *, without: Collection[str] = ()) -> Iterator[Settings]:
    """Run the command worker, the relay and every projector but those named in ``without``."""
    initialise(settings)
    with at_work(settings, [name for name in ("commands", "relay", *READ_MODELS) if name not in without]):
        yield settings
