"""Read models say what happened, whatever the batches in which they heard of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

from domain.recorded import RecordedEvent
from projections.projection import Projection
from projections.refund_ledger.fold import RefundLedger
from projections.return_reasons.fold import ReturnReasons
from projections.tracking.fold import Tracking
from projections.view import views_sql
from tests.support.recorded_facts import recorded
from tests.support.shop import RMA_ID
from tests.support.stories import day, inspect, on_return, open_shop, receive, request, settle_all, six_steps

PROJECTIONS: tuple[type[Projection], ...] = (Tracking, RefundLedger, ReturnReasons)
NOT_IN_THE_STORY = {"discrepancies", "appeals", "differences", "remedies", "receivables", "unknown_parcels"}
VIEWS = [view.name for projection in PROJECTIONS for view in projection().views]


def play(dsn: str, events: Sequence[RecordedEvent], *, batch: int) -> None:
    """Create the tables and fold the events in batches; each batch may meet a projection that forgot its cache."""
    projections = [projection() for projection in PROJECTIONS]
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS rma_read")
        for projection in projections:
            connection.execute(projection.tables_sql)
            connection.execute(views_sql(projection.views).encode())
        for start in range(0, len(events), batch):
            if start % 2:
                projections = [projection() for projection in PROJECTIONS]
            for projection in projections:
                with connection.transaction():
                    projection.fold(connection, events[start : start + batch])


def rows(dsn: str, view: str) -> list[dict[str, Any]]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(f"SELECT * FROM rma_read.{view} ORDER BY 1, 2, 3").fetchall()


def only(dsn: str, view: str) -> dict[str, Any]:
    (row,) = rows(dsn, view)
    return row


@pytest.mark.parametrize("batch", [1, 3, 7])
def test_batches_do_not_matter(postgres_dsn: str, batch: int) -> None:
    """Folded in small batches, with caches lost, every view is what one batch makes of the whole history."""
    shop = six_steps()
    refund = next(iter(shop.order().refunds))
    note = {"series_id": "default", "refund_id": str(refund), "order_id": "O-1", "rma_id": str(RMA_ID)}
    shop.send("IssueCreditNote", note, actor="clock:credit-notes", at=day(20))
    message = on_return(notice_id="N-1", kind="refunded", channel="email", outcome="sent")
    shop.send("RecordNotice", message, actor="system:notices", at=day(20))
    for outcome in ("bounced", "failed"):
        told = on_return(notice_id="N-1", outcome=outcome, reason="mailbox full")
        shop.send("RecordNoticeOutcome", told, actor="system:notices", at=day(21))
    events = recorded(shop.history)
    play(postgres_dsn, events, batch=batch)
    in_parts = {view: rows(postgres_dsn, view) for view in VIEWS}
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        for projection in (made() for made in PROJECTIONS):
            connection.execute(f"DROP SCHEMA {projection.name}_v{projection.version} CASCADE")
    play(postgres_dsn, events, batch=len(events))
    for view in VIEWS:
        assert rows(postgres_dsn, view) == in_parts[view], view
        assert in_parts[view] or view in NOT_IN_THE_STORY, view


def test_a_whole_story_is_told(postgres_dsn: str) -> None:
    """The views show the status, the lines, the money and the reasons of a return that went through all steps."""
    shop = six_steps()
    play(postgres_dsn, recorded(shop.history), batch=1000)
    by_id = {row["rma_id"]: row for row in rows(postgres_dsn, "returns")}
    told = by_id[RMA_ID]
    assert (told["status"], told["next_step"], told["refund_minor"]) == ("resolved", "close", 766)
    assert (told["carrier"], told["tracking_number"], told["case_id"]) == ("DHL", "JJD-1", "CASE-1")
    assert by_id[UUID(int=2)]["status"] == "denied"
    units = {row["line_id"]: row for row in rows(postgres_dsn, "order_units")}
    assert (units["L1"]["in_return"], units["L1"]["returned"], units["L1"]["refunded_minor"]) == (0, 2, 666)
    assert (units["L2"]["in_return"], units["L2"]["returned"], units["L2"]["refunded_units"]) == (0, 1, 1)
    assert sum(row["balance_minor"] for row in rows(postgres_dsn, "ledger_balances")) == 0
    rates = {row["sku"]: row for row in rows(postgres_dsn, "return_rates")}
    assert (rates["SHOE-42"]["units_sold"], rates["SHOE-42"]["units_returned"]) == (3, 2)
    assert (rates["SHOE-42"]["units_defect_claimed"], rates["SHOE-42"]["units_defect_confirmed"]) == (2, 1)


def test_units_in_one_state_are_one_row(postgres_dsn: str) -> None:
    """Two units inspected apart, refunded apart, and alike in all that shows are one run with both sums."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 2})
    receive(shop, (1, 2))
    inspect(shop, 1, 1, "I-1")
    inspect(shop, 1, 1, "I-2")
    settle_all(shop)
    play(postgres_dsn, recorded(shop.history), batch=4)
    row = only(postgres_dsn, "return_lines")
    assert (row["quantity"], row["paid_minor"], row["refund_minor"], row["settlement_state"]) == (
        2,
        666,
        666,
        "settled",
    )


def test_a_failed_payout_shows_in_its_refund(postgres_dsn: str) -> None:
    """A refund is as far as its worst payout; what is owed stays owed until it settles."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 3})
    receive(shop, (1, 3))
    inspect(shop, 1, 3)
    settle_all(shop, "failed")
    play(postgres_dsn, recorded(shop.history), batch=5)
    assert only(postgres_dsn, "refunds")["status"] == "failed"
    assert {row["tender_id"]: row["amount_minor"] for row in rows(postgres_dsn, "payouts")} == {"T1": 400, "T2": 600}
    balances = {row["account"]: row["balance_minor"] for row in rows(postgres_dsn, "ledger_balances")}
    assert balances == {"sales_returns": 1000, "refunds_owed": -1000}
