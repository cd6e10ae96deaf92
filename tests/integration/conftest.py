"""A whole system for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.event_log import EventLog
from infra.migrate import migrate
from infra.settings import Settings
from tests.pipeline import Pipeline


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
