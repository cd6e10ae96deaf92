"""How the streams of one append stand among each other changes nothing that readers say of them.

Logs begun long ago hold the facts of each append stream by stream: effects on the order before their causes on the
return.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from domain.fact import Fact
from projections.projection import Projection
from projections.read_models import PROJECTIONS, projection_named
from projections.view import views_sql
from tests.examples.make import STATUSES, STREAMS
from tests.examples.story import whole_story
from tests.support.recorded_facts import decoded, recorded
from workers.deadlines.table import DeadlineTable
from workers.payments.questions import PaymentQuestions

PLACES: Final = frozenset({"position", "last_position", "opened_by", "ask_at"})
"""Columns that say where in the log a fact stands, or when it was folded."""

MEMORIES: Final = ("rma_payments.questions", "rma_deadlines.deadlines")
BATCH: Final = 7

Said = dict[str, list[dict[str, Any]]]


def said(dsn: str, facts: Sequence[Fact]) -> Said:
    """Return what every reader says of a history, by view or table, places left out; nothing is left behind."""
    readers: list[Projection] = [*(projection_named(name) for name in PROJECTIONS), PaymentQuestions(), DeadlineTable()]
    events = recorded(facts)
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE SCHEMA rma_read")
        for reader in readers:
            connection.execute(reader.tables_sql)
            connection.execute(views_sql(reader.views).encode())
        for start in range(0, len(events), BATCH):
            for reader in readers:
                reader.fold(connection, events[start : start + BATCH])
        views = connection.execute("SELECT viewname FROM pg_views WHERE schemaname = 'rma_read'").fetchall()
        told = {name: _rows(connection, name) for name in [f"rma_read.{view}" for (view,) in views]}
        told |= {name: _rows(connection, name) for name in MEMORIES}
        connection.rollback()
    return told


def _rows(connection: psycopg.Connection, name: str) -> list[dict[str, Any]]:
    rows = connection.cursor(row_factory=dict_row).execute(f"SELECT * FROM {name}").fetchall()
    kept = [{column: value for column, value in row.items() if column not in PLACES} for row in rows]
    return sorted(kept, key=str)


def test_readers_fold_facts_told_stream_by_stream_alike(postgres_dsn: str) -> None:
    """The same appends, causes first or the order's facts first, make the same rows in every view and memory."""
    sent = whole_story().sent
    causes_first = [fact for _, facts in sent for fact in facts]
    order_first = [fact for _, facts in sent for fact in sorted(facts, key=lambda fact: fact.originator_id)]
    assert causes_first != order_first

    told = said(postgres_dsn, causes_first)
    assert said(postgres_dsn, order_first) == told
    assert [name for name, rows in told.items() if not rows] == []


def test_a_log_stored_stream_by_stream_is_folded(postgres_dsn: str) -> None:
    """The stored examples, written so, still make returns, refunds and ledger of what happened."""
    stored = [json.loads(line) for line in STREAMS.read_text("utf-8").splitlines()]
    types = [event["envelope"]["type"] for event in stored]
    assert types.index("rma.Order.RefundRequested.v1") < types.index("rma.Rma.Inspected.v1")

    told = said(postgres_dsn, [decoded(event) for event in stored])
    assert {row["rma_id"].int: row["status"] for row in told["rma_read.returns"]} == STATUSES
    refunds, returns = told["rma_read.refunds"], told["rma_read.returns"]
    assert sum(row["amount_minor"] for row in refunds) == sum(row["refund_minor"] for row in returns) > 0
    assert sum(row["balance_minor"] for row in told["rma_read.ledger_balances"]) == 0
