"""Warranty: so many days from delivery, and as many more as a repair took."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.order import Order
from domain.policy.facts import Facts
from tests.support.refusals import states
from tests.support.shop import Shop, names
from tests.support.stories import ORDER, POLICY, day, inspect, on_return, open_shop, receive, request

AGAIN = UUID("00000000-0000-4000-8000-000000000002")
REPAIRS: dict[str, Any] = {
    "window": {"days": 1},
    "offers": ["refund", "repair"],
    "rules": [
        {
            "name": "warranty",
            "when": {"all": [{"fact": "in_warranty", "is": True}, {"fact": "reason", "in": ["warranty_fault"]}]},
            "then": {"decide": "approve"},
        }
    ],
}


def with_warranty(days: int | None) -> Shop:
    lines = [{**line, "warranty_days": days} if days is not None else line for line in ORDER["lines"]]
    return open_shop(REPAIRS, {"lines": lines})


def repaired_on(last: int) -> Shop:
    """Return a shop in which unit 1 of L1, delivered on day 1, was away from day 5 until a day."""
    shop = with_warranty(10)
    request(shop, {"line_id": "L1", "quantity": 1, "reason": "warranty_fault", "wish": "repair"})
    receive(shop, (1, 1))
    inspect(shop, 1, 1, grade="C", cause="manufacturing", liable_party="manufacturer")
    shop.send("RecordRepair", on_return(line=1, quantity=1), actor="warehouse:W", at=day(last))
    return shop


def outcome(shop: Shop, on: int, quantity: int = 1) -> str:
    request(shop, {"line_id": "L1", "quantity": quantity, "reason": "warranty_fault"}, rma_id=AGAIN, on=on)
    [(_, found)] = states(shop, "authorization", rma_id=AGAIN)
    return str(found)


@pytest.mark.parametrize(("on", "found"), [(3, "authorized"), (11, "authorized"), (12, "denied")])
def test_a_rule_may_ask_whether_units_are_in_warranty(on: int, found: str) -> None:
    """Ten days from delivery on day 1, the last included."""
    assert outcome(with_warranty(10), on) == found


def test_a_line_without_a_warranty_has_no_such_fact() -> None:
    """Missing, so that a comparison with it is false whatever it asks."""
    assert outcome(with_warranty(None), 3) == "denied"


def test_a_repaired_unit_has_as_many_days_more_as_it_was_away() -> None:
    """Away from day 5 to day 20: the warranty that would have ended on day 11 ends on day 26."""
    shop = repaired_on(20)
    [extended] = [fact for fact in shop.history if isinstance(fact, Order.WarrantyExtended)]
    assert (extended.first, extended.count, extended.until) == (1, 1, day(1) + timedelta(days=10 + 15))
    assert outcome(shop, 26) == "authorized"


def test_after_that_it_is_over() -> None:
    assert outcome(repaired_on(20), 27) == "denied"


def test_units_that_were_not_repaired_have_no_more_time() -> None:
    """All units asked for have to be in warranty: the second one was never away."""
    assert outcome(repaired_on(20), 26, quantity=2) == "denied"


def test_a_repair_without_a_warranty_extends_none() -> None:
    shop = open_shop({**POLICY, "offers": ["repair"]})
    request(shop, {"line_id": "L1", "quantity": 1, "wish": "repair"})
    receive(shop, (1, 1))
    inspect(shop, 1, 1)
    told = shop.send("RecordRepair", on_return(line=1, quantity=1), actor="warehouse:W", at=day(9))
    assert "WarrantyExtended" not in names(told)


def test_the_fact_leaves_no_trace_where_it_is_unknown() -> None:
    """Decisions recorded before it existed come out of verifying byte for byte as they were."""
    facts = Facts(ordered_at=day(0), requested_at=day(1))
    assert "in_warranty" not in facts.model_dump_json()
    assert Facts(ordered_at=day(0), requested_at=day(1), in_warranty=False).model_dump_json().count("in_warranty") == 1
