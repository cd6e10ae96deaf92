"""The role that only looks: it reads the stable views, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from psycopg import Connection

from infra.addresses import postgres_address
from infra.settings import Settings
from projections.tracking.tables import SCHEMA
from workers.operating.initialising import initialise
from workers.operating.rebuilding import rebuild


@pytest.fixture
def reader(settings: Settings) -> Iterator[Connection]:
    """A connection to an initialised system, as the role."""
    initialise(settings)
    with closing(psycopg.connect(postgres_address(settings), autocommit=True)) as connection:
        connection.execute("SET ROLE rma_reader")
        yield connection


def test_a_reader_reads_every_view(reader: Connection, settings: Settings) -> None:
    """Every view of the contract is open to it, after a rebuild too."""
    rebuild(settings, "tracking", lambda _done, _total: None)
    views = reader.execute(
        "SELECT table_name FROM information_schema.views WHERE table_schema = 'rma_read' ORDER BY 1"
    ).fetchall()

    assert len(views) >= 18
    for (view,) in views:
        assert reader.execute(f"SELECT count(*) FROM rma_read.{view}").fetchone() is not None


@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM rma_log.events", f"SELECT * FROM {SCHEMA}.returns", "DELETE FROM rma_read.returns"],
)
def test_a_reader_does_nothing_else(reader: Connection, statement: str) -> None:
    """Neither the log nor a table behind a view is open to it, and it changes nothing."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(statement.encode())
