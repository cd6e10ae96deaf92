"""A whole system for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from infra.log.event_log import EventLog
from infra.migrate import migrate
from infra.settings import Settings
from tests.support.pipeline import Pipeline
from workers.command_worker.worker import CommandWorker


@pytest.fixture
def pipeline(settings: Settings) -> Iterator[Pipeline]:
    """A database with its schema, topics, and the parts that work on them."""
    made = Pipeline(settings)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def log(postgres_dsn: str) -> Iterator[EventLog]:
    """An empty log."""
    migrate(postgres_dsn)
    opened = EventLog(postgres_dsn)
    yield opened
    opened.close()


@pytest.fixture
def worker(pipeline: Pipeline) -> Iterator[CommandWorker]:
    """A command worker on the pipeline's log."""
    with closing(EventLog(pipeline.dsn)) as log:
        yield pipeline.worker(log)
