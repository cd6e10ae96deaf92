"""The database says of the stable views what the code and the pages say, and holds them to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import psycopg
import pytest
from psycopg import Connection

from infra.migrate import migrate
from projections.read_models import PROJECTIONS
from projections.view import READ_SCHEMA, View
from tests.examples.story import whole_story
from tests.integration.projections.test_projections import play
from tests.support.recorded_facts import recorded
from tests.unit.projections.test_views import RELEASED, VIEWS
from workers.projector.projector import prepare

SAID: Final = """
    SELECT c.relname, obj_description(c.oid, 'pg_class'), a.attname, a.atttypid::regtype,
        col_description(c.oid, a.attnum)
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'v' ORDER BY c.relname, a.attnum
"""


@pytest.fixture
def told(postgres_dsn: str) -> Iterator[Connection[Any]]:
    """The views over a story in which every kind of fact happens."""
    migrate(postgres_dsn)
    for projection in PROJECTIONS.values():
        prepare(postgres_dsn, projection)
    play(postgres_dsn, recorded(whole_story().history), batch=1_000)
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO rma_read_meta.positions VALUES ('tracking', 1, 0, 1, 1, now())")
        yield connection


def as_regtypes(connection: Connection[Any], view: View) -> list[tuple[Any, ...]]:
    """Return a view's columns as the catalogue should have them."""
    kinds = [column.kind for column in view.columns]
    types = [row[0] for row in connection.execute("SELECT unnest(%s::text[])::regtype", [kinds])]
    words = f"{view.says} {view.answers}"
    return [(view.name, words, c.name, kind, c.says) for c, kind in zip(view.columns, types, strict=True)]


def test_the_database_says_what_the_code_says(told: Connection[Any]) -> None:
    """Every view and column is there with its type and its comment, in order, and no other."""
    said = told.execute(SAID, [READ_SCHEMA]).fetchall()
    assert said == [row for view in VIEWS for row in as_regtypes(told, view)]


def test_rows_are_what_the_views_promise(told: Connection[Any]) -> None:
    """The key names one row, a column that is never empty is not, and the example finds something."""
    for view in VIEWS:
        key, seen = ", ".join(view.key), f"rma_read.{view.name}"
        twice = told.execute(f"SELECT {key} FROM {seen} GROUP BY {key} HAVING count(*) > 1".encode()).fetchall()
        filled = ", ".join(f"count({column.name})" for column in view.columns if not column.null)
        [(rows, *full)] = told.execute(f"SELECT count(*), {filled} FROM {seen}".encode()).fetchall()
        found = told.execute(view.example.encode()).fetchall()
        assert (twice, set(full), bool(found)) == ([], {rows}, True), view.name


def test_views_that_were_read_before_are_gone_on_with(postgres_dsn: str) -> None:
    """The views of an older version are pointed at the new tables as they stand; no reader's query is dropped."""
    migrate(postgres_dsn)
    with psycopg.connect(postgres_dsn) as connection:
        for name, columns in RELEASED.items():
            nothing = ", ".join(f"NULL::{kind} AS {column}" for column, kind in columns.items())
            connection.execute(f"CREATE OR REPLACE VIEW rma_read.{name} AS SELECT {nothing}".encode())
    for projection in PROJECTIONS.values():
        prepare(postgres_dsn, projection)
    with psycopg.connect(postgres_dsn) as connection:
        assert len(connection.execute(SAID, [READ_SCHEMA]).fetchall()) == sum(len(view.columns) for view in VIEWS)
