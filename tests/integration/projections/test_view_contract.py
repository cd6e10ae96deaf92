"""The database says of the stable views what the code and the pages say, and holds them to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import duckdb
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


PAGE: Final = Path(__file__).parents[3] / "docs" / "analytics.md"
SEARCHES: Final = {
    ("returns", "order_id = 'O-1'"): "returns_order",
    ("returns", "customer_id = 'C-1'"): "returns_customer",
    ("returns", "requested_at > '2026-03-01'"): "returns_requested",
    ("returns", "closed_at IS NULL AND next_step = 'pay'"): "returns_open",
    ("return_timeline", "occurred_at > '2026-03-01'"): "return_timeline_occurred",
    ("return_timeline", "type = 'rma.Rma.Received.v1' AND occurred_at > '2026-03-01'"): "return_timeline_type",
    ("return_flow", "requested_at > '2026-03-01'"): "flow_requested",
    ("orders", "customer_id = 'C-1'"): "orders_customer",
    ("orders", "ordered_at > '2026-03-01'"): "orders_ordered",
    ("ledger_entries", "occurred_at > '2026-03-01'"): "ledger_entries_occurred",
    ("refunds", "requested_at > '2026-03-01'"): "refunds_requested",
    ("return_reasons", "customer_id = 'C-1'"): "lines_customer",
}
"""By view and condition, the index that it should be found by."""

IN_DUCKDB: Final = {
    "uuid": "UUID", "text": "VARCHAR", "text[]": "VARCHAR[]", "integer": "INTEGER", "bigint": "BIGINT", "date": "DATE",
    "boolean": "BOOLEAN", "timestamptz": "TIMESTAMP WITH TIME ZONE", "json": "JSON", "jsonb": "JSON",
}  # fmt: skip


@pytest.fixture
def told(postgres_dsn: str) -> Iterator[Connection]:
    """The views over a story in which every kind of fact happens."""
    migrate(postgres_dsn)
    for projection in PROJECTIONS.values():
        prepare(postgres_dsn, projection)
    play(postgres_dsn, recorded(whole_story().history), batch=1_000)
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO rma_read_meta.positions VALUES ('tracking', 1, 0, 1, 1, now())")
        connection.execute(
            "INSERT INTO rma_log.dead_letter_actions (topic, partition, record_offset, action, acted_at, actor, reason)"
            " VALUES ('rma.dead-letters', 0, 1, 'dropped', now(), 'agent:A1', 'no order of ours')"
        )
        connection.execute("INSERT INTO rma_audit.checkpoints VALUES (1, 1, '00', 'note', now())")
        yield connection


def as_regtypes(connection: Connection, view: View) -> list[tuple[Any, ...]]:
    """Return a view's columns as the catalogue should have them."""
    kinds = [column.kind for column in view.columns]
    types = [row[0] for row in connection.execute("SELECT unnest(%s::text[])::regtype", [kinds])]
    words = f"{view.says} {view.answers}"
    return [(view.name, words, c.name, kind, c.says) for c, kind in zip(view.columns, types, strict=True)]


def test_the_database_says_what_the_code_says(told: Connection) -> None:
    """Every view and column is there with its type and its comment, in order, and no other."""
    said = told.execute(SAID, [READ_SCHEMA]).fetchall()
    assert said == [row for view in VIEWS for row in as_regtypes(told, view)]


def test_rows_are_what_the_views_promise(told: Connection) -> None:
    """The key names one row, a column that is never empty is not, and the example finds something."""
    for view in VIEWS:
        key, seen = ", ".join(view.key), f"rma_read.{view.name}"
        twice = told.execute(f"SELECT {key} FROM {seen} GROUP BY {key} HAVING count(*) > 1".encode()).fetchall()
        filled = ", ".join(f"count({column.name})" for column in view.columns if not column.null)
        [(rows, *full)] = told.execute(f"SELECT count(*), {filled} FROM {seen}".encode()).fetchall()
        found = told.execute(view.example.encode()).fetchall()
        assert (twice, set(full), bool(found)) == ([], {rows}, True), view.name


def test_what_people_look_for_has_an_index(told: Connection) -> None:
    """Rows by order, customer, time and type, and what is open, are found without reading a whole table."""
    told.execute("SET enable_seqscan = off")
    for (view, condition), index in SEARCHES.items():
        plan = told.execute(f"EXPLAIN SELECT * FROM rma_read.{view} WHERE {condition}".encode()).fetchall()
        assert index in str(plan), (view, condition)


def test_every_view_goes_to_parquet_and_back(told: Connection, postgres_dsn: str, tmp_path: Path) -> None:
    """By the page's own recipe: as many rows as there are, each column of its type, documents to the letter."""
    (recipe,) = re.findall(r"```python\n(.+?)```", PAGE.read_text("utf-8"), re.DOTALL)
    page: dict[str, Any] = {}
    exec(recipe, page)  # noqa: S102 - the page's code is what is tested
    for view in VIEWS:
        file = str(tmp_path / f"{view.name}.parquet")
        page["write_parquet"](postgres_dsn, view.name, file)
        with duckdb.connect() as database:
            described = database.execute(f"DESCRIBE SELECT * FROM '{file}'").fetchall()
            [(rows,)] = database.execute(f"SELECT count(*) FROM '{file}'").fetchall()
            assert {name: kind for name, kind, *_ in described} == {c.name: IN_DUCKDB[c.kind] for c in view.columns}
            assert told.execute(f"SELECT count(*) FROM rma_read.{view.name}".encode()).fetchall() == [(rows,)]
            for column in [column.name for column in view.columns if column.kind.startswith("json")]:
                kept = database.execute(f"SELECT {column} FROM '{file}'").fetchall()
                stored = told.execute(f"SELECT {column} FROM rma_read.{view.name}".encode()).fetchall()
                assert sorted(str(json.loads(text)) for (text,) in kept) == sorted(str(value) for (value,) in stored)


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
