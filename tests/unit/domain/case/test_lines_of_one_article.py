"""Two lines of a return that name one line of the order: each unit stands in one of them."""

from __future__ import annotations

from uuid import UUID

from tests.support.refusals import states, unit_statuses
from tests.support.shop import names
from tests.support.stories import day, on_return, open_shop, request

OTHER = UUID(int=2)
RECEIPT = on_return(receipt_id="R-1", site="WH-1", complete=False)


def test_a_unit_that_another_line_took_over_does_not_arrive_as_its_old_lines() -> None:
    """Line 1 is approved again with the unit that line 2 gave up: what comes for line 2 is one too many."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 2}, {"line_id": "L1", "quantity": 1})
    shop.send("WithdrawReturn", on_return(), actor="customer:C-1", at=day(4))
    request(shop, {"line_id": "L1", "quantity": 1}, rma_id=OTHER, on=4)
    again = [{"line": 1, "quantity": 2, "decision": "approve"}]
    shop.send("OverrideDecision", on_return(lines=again, approved_by="boss", reason="x"), at=day(5))
    assert unit_statuses(shop, "L1") == [(1, "in_return"), (2, "in_return")]

    told = names(shop.send("ReceiveGoods", RECEIPT | {"items": [{"line": 2, "quantity": 1}]}, at=day(6)))

    assert "DiscrepancyFound" in told
    assert unit_statuses(shop, "L1") == [(1, "in_return"), (2, "in_return")]
    assert states(shop, "authorization", "logistics", line=1) == [(2, "authorized", "with_customer")]


def test_two_lines_that_share_a_unit_do_not_receive_it_twice() -> None:
    """Both lines of the order's line gave it up; one delivery brings one."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 2}, {"line_id": "L1", "quantity": 1})
    shop.send("WithdrawReturn", on_return(), actor="customer:C-1", at=day(4))
    request(shop, {"line_id": "L1", "quantity": 1}, rma_id=OTHER, on=4)
    again = [{"line": 1, "quantity": 2, "decision": "approve"}]
    shop.send("OverrideDecision", on_return(lines=again, approved_by="boss", reason="x"), at=day(5))
    shop.send("WithdrawReturn", on_return(), actor="customer:C-1", at=day(6))

    shop.send("ReceiveGoods", RECEIPT | {"items": [{"line": 1, "quantity": 2}, {"line": 2, "quantity": 1}]}, at=day(7))

    assert unit_statuses(shop, "L1") == [(1, "in_return"), (2, "returned")]
    assert states(shop, "logistics", line=1) == [(2, "received")]
    assert states(shop, "logistics", line=2) == [(1, "with_customer")]
