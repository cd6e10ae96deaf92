"""What the views count of units: each another thing, and by the rules of ``docs/analytics.md`` one from the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, seed
from hypothesis import settings as how
from hypothesis.stateful import run_state_machine_as_test
from psycopg import Connection

from domain.recorded import RecordedEvent
from projections.read_models import PROJECTIONS, projection_named
from projections.view import views_sql
from tests.order_money_machine import OrderMoneyMachine
from tests.support.recorded_facts import recorded
from tests.support.shop import Shop
from tests.support.stories import POLICY, day, inspect, on_return, open_shop, receive, request

HISTORIES: Final = 60
STEPS: Final = 40

COUNTS: Final = """
SELECT (SELECT sum(quantity) FROM rma_read.return_lines)::int AS asked_for,
       (SELECT sum(quantity) FROM rma_read.return_reasons)::int AS with_reasons,
       (SELECT sum(units_returned) FROM rma_read.return_rates)::int AS received,
       (SELECT sum(returned) FROM rma_read.order_units)::int AS returned_now
"""

OFF: Final = {
    "order_units.returned is what return_reasons holds and did not go back": """
        SELECT order_id, line_id, u.returned, coalesce(r.units, 0)
        FROM rma_read.order_units AS u LEFT JOIN (
            SELECT order_id, line_id, sum(quantity) FILTER (WHERE went_back IS NULL) AS units
            FROM rma_read.return_reasons GROUP BY order_id, line_id
        ) AS r USING (order_id, line_id) WHERE u.returned <> coalesce(r.units, 0)
    """,
    "return_rates.units_returned is what return_reasons has as received": """
        SELECT sku, sum(units_returned), (
            SELECT coalesce(sum(quantity), 0) FROM rma_read.return_reasons AS r WHERE r.received AND r.sku = rates.sku
        ) AS units FROM rma_read.return_rates AS rates GROUP BY sku
        HAVING sum(units_returned) <> (
            SELECT coalesce(sum(quantity), 0) FROM rma_read.return_reasons AS r WHERE r.received AND r.sku = rates.sku
        )
    """,
    "return_lines has as received what return_reasons has": """
        SELECT rma_id, line, l.units, r.units
        FROM (
            SELECT rma_id, line, sum(quantity) AS units FROM rma_read.return_lines
            WHERE logistics_state = 'received' GROUP BY rma_id, line
        ) AS l FULL JOIN (
            SELECT rma_id, line, sum(quantity) AS units FROM rma_read.return_reasons
            WHERE received GROUP BY rma_id, line
        ) AS r USING (rma_id, line) WHERE l.units IS DISTINCT FROM r.units
    """,
    "return_reasons holds no unit twice, and none that return_lines does not": """
        SELECT rma_id, line, r.units, l.units
        FROM (SELECT rma_id, line, sum(quantity) AS units FROM rma_read.return_reasons GROUP BY rma_id, line) AS r
        LEFT JOIN (
            SELECT rma_id, line, sum(quantity) AS units FROM rma_read.return_lines GROUP BY rma_id, line
        ) AS l USING (rma_id, line) WHERE r.units > coalesce(l.units, 0)
    """,
}


@pytest.fixture
def views(postgres_dsn: str) -> Iterator[Connection]:
    """Empty read models."""
    with psycopg.connect(postgres_dsn) as connection:
        for projection in PROJECTIONS.values():
            connection.execute(projection.tables_sql.encode())
            connection.execute(views_sql(projection.views).encode())
        connection.commit()
        yield connection


def fold(connection: Connection, events: list[RecordedEvent]) -> None:
    for name in PROJECTIONS:
        projection_named(name).fold(connection, events)


def differences(connection: Connection) -> dict[str, list[Any]]:
    """Return the rows that contradict a rule, by the rule."""
    found = {rule: connection.execute(query.encode()).fetchall() for rule, query in OFF.items()}
    return {rule: rows for rule, rows in found.items() if rows}


def every_way_back() -> Shop:
    """Return a shop in which a unit or two went each way there is, all of one order line of ten."""
    rules = [
        {"name": "keep", "when": {"fact": "reason", "is": "missing_part"}, "then": {"method": "keep"}},
        {"name": "never", "when": {"fact": "reason", "is": "gift"}, "then": {"decide": "deny", "code": "no"}},
        {"name": "early", "when": {"fact": "reason", "is": "better_price"}, "then": {"refund_due": "approval"}},
    ]
    line = {"line_id": "L1", "sku": "CUP", "quantity": 10, "amount_minor": 1000}
    tenders = [{"tender_id": "T1", "kind": "card", "amount_minor": 1000}]
    policy = {**POLICY, "offers": ["refund", "repair"], "rules": rules}
    shop = open_shop(policy, {"lines": [line], "tenders": tenders})
    asked = [
        (2, "too_small", "refund"),
        (1, "missing_part", "refund"),
        (1, "fit", "refund"),
        (1, "better_price", "refund"),
        (1, "quality", "refund"),
        (1, "defective", "repair"),
        (1, "gift", "refund"),
        (1, "changed_mind", "refund"),
        (1, "other", "refund"),
    ]
    for number, (quantity, reason, wish) in enumerate(asked, start=1):
        told = {"line_id": "L1", "quantity": quantity, "reason": reason, "wish": wish}
        request(shop, told, rma_id=UUID(int=number))
    received, lost, unsent, rejected, broken, withdrawn = (UUID(int=number) for number in (1, 3, 4, 5, 6, 8))
    receive(shop, (1, 2), rma_id=received)
    inspect(shop, 1, 2, rma_id=received)
    scan = {"tracking_number": "T", "scan_id": "S", "status": "lost"}
    shop.send("RecordScan", on_return(lost, **scan), actor="carrier:DHL", at=day(5))
    shop.send("DecideResolution", on_return(lost, line=1, quantity=1, resolution="refund"), at=day(9))
    receive(shop, (1, 1), rma_id=rejected)
    inspect(shop, 1, 1, rma_id=rejected, grade="X", cause="misuse", liable_party="customer")
    shop.send("DecideResolution", on_return(rejected, line=1, quantity=1, resolution="send_back"), at=day(9))
    shop.send("SendBack", on_return(rejected, line=1, quantity=1), at=day(10))
    receive(shop, (1, 1), rma_id=broken)
    inspect(shop, 1, 1, rma_id=broken, grade="D", cause="manufacturing", liable_party="manufacturer")
    shop.send("RecordRepair", on_return(broken, line=1, quantity=1), at=day(12))
    shop.send("WithdrawReturn", on_return(withdrawn), actor="customer:C-1", at=day(5))
    (deadline,) = [one for one in shop.rma(unsent).deadlines.values() if one.kind == "ship_back"]
    passed = on_return(unsent, deadline_id=str(deadline.deadline_id))
    shop.send("PassDeadline", passed, actor="clock:deadlines", at=deadline.due_at)
    return shop


def test_each_view_counts_what_its_page_says(views: Connection) -> None:
    """Ten units were asked for; seven came back in some way, four of them to the dock; two of those are out again."""
    fold(views, recorded(every_way_back().history))
    assert views.execute(COUNTS).fetchall() == [(10, 7, 4, 5)]
    ways = views.execute(
        "SELECT received, went_back, disposition = 'not_returned', sum(quantity)::int FROM rma_read.return_reasons"
        " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    ).fetchall()
    assert ways == [
        (False, None, True, 1),
        (False, None, None, 2),
        (True, "repaired", None, 1),
        (True, "sent_back", False, 1),
        (True, None, False, 2),
    ]
    assert differences(views) == {}


def test_the_views_reconcile_whatever_happens(views: Connection) -> None:
    """After histories at random the rules that lead from one view's units to another's hold."""
    returned = 0

    class Reconciled(OrderMoneyMachine):
        """Checks the views when a history is at its end."""

        def teardown(self) -> None:
            nonlocal returned
            if self.shop.aggregates:
                with views.transaction(force_rollback=True):
                    fold(views, recorded(self.shop.history))
                    assert differences(views) == {}
                    returned += views.execute(COUNTS).fetchall()[0][1] or 0

    some = how(
        max_examples=HISTORIES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(seed(2026)(Reconciled), settings=some)
    assert returned, "no unit came back in any history"
