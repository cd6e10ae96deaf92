"""A customer keeps the goods after all: whole returns or units of it, as long as they are still there."""

from __future__ import annotations

from typing import Any

from tests.support.conservation import check
from tests.support.refusals import refused, states, unit_statuses
from tests.support.shop import names
from tests.support.stories import POLICY, day, on_return, open_shop, receive, request

CUSTOMER = "customer:C-1"
AT_ONCE = {**POLICY, "offers": ["refund", "replacement"], "refund_due": "approval"}


def units(*lines: tuple[int, int]) -> dict[str, Any]:
    return on_return(lines=[{"line": line, "quantity": quantity} for line, quantity in lines])


def test_some_units_stay_and_the_others_come_back() -> None:
    """One of three is kept: the lowest-numbered, free again, while the others are still awaited."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 3}, {"line_id": "L2", "quantity": 1})
    facts = shop.send("WithdrawReturn", units((1, 1)), actor=CUSTOMER, at=day(4))
    assert names(facts) == ["Withdrawn", "UnitsFreed"]
    assert states(shop, "authorization") == [(1, "withdrawn"), (2, "authorized")]
    assert unit_statuses(shop, "L1") == [(1, "free"), (2, "in_return")]
    refused(shop, "quantity_exceeded", "WithdrawReturn", units((1, 3)), actor=CUSTOMER, available=2, line=1)
    refused(shop, "quantity_exceeded", "WithdrawReturn", units((1, 2), (1, 1)), actor=CUSTOMER, available=0, asked=1)
    refused(shop, "unknown_line", "WithdrawReturn", units((3, 1)), actor=CUSTOMER, line=3)
    shop.send("WithdrawReturn", units((1, 2), (2, 1)), actor=CUSTOMER, at=day(5))
    assert shop.rma().status == "withdrawn"
    check(shop)


def test_what_has_left_is_too_late_for_a_withdrawal() -> None:
    """A line that came in cannot be withdrawn, another that is still there can: by its number, not as a whole."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 1}, {"line_id": "L2", "quantity": 1})
    scan = on_return(receipt_id="R-1", site="WH-1", items=[{"line": 1, "quantity": 1}], complete=False)
    shop.send("ReceiveGoods", scan, actor="warehouse:W", at=day(5))
    refused(shop, "already_shipped", "WithdrawReturn", units((1, 1)), actor=CUSTOMER, line=1)
    refused(shop, "already_shipped", "WithdrawReturn", on_return(), actor=CUSTOMER)
    shop.send("WithdrawReturn", units((2, 1)), actor=CUSTOMER, at=day(6))
    assert states(shop, "authorization", line=2) == [(1, "withdrawn")]


def test_what_was_paid_or_sent_stays_as_it_is() -> None:
    """Money at approval, and a replacement that left: those units are not withdrawn, the third line is."""
    shop = open_shop(AT_ONCE)
    lines = [{"line_id": "L1", "quantity": 1, "wish": wish} for wish in ("refund", "replacement", "replacement")]
    request(shop, *lines)
    shop.send("ShipReplacement", on_return(line=2, quantity=1), actor="warehouse:W", at=day(3))
    shop.send("WithdrawReturn", on_return(), actor=CUSTOMER, at=day(4))
    assert [states(shop, "authorization", line=number)[0][1] for number in (1, 2, 3)] == [
        "authorized",
        "authorized",
        "withdrawn",
    ]
    refused(shop, "wrong_state", "WithdrawReturn", on_return(), actor=CUSTOMER)
    refused(shop, "quantity_exceeded", "WithdrawReturn", units((1, 1)), actor=CUSTOMER, available=0)
    check(shop)


def test_what_is_kept_stays_kept() -> None:
    """A returnless line is resolved and paid; withdrawing the rest leaves it alone."""
    rules = [{"name": "keep", "when": {"fact": "reason", "is": "quality"}, "then": {"method": "keep"}}]
    shop = open_shop({**POLICY, "rules": rules})
    request(shop, {"line_id": "L1", "quantity": 1, "reason": "quality"}, {"line_id": "L2", "quantity": 1})
    shop.send("WithdrawReturn", on_return(), actor=CUSTOMER, at=day(4))
    assert states(shop, "authorization", "logistics") == [(1, "authorized", "kept")]
    assert states(shop, "authorization", line=2) == [(1, "withdrawn")]
    check(shop)


def test_a_race_for_the_parcel() -> None:
    """Handed over first: the withdrawal is too late; withdrawn first: the parcel is a fact, and nothing is paid."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 1})
    shop.send("WithdrawReturn", units((1, 1)), actor=CUSTOMER, at=day(4))
    refused(shop, "wrong_state", "RecordHandover", on_return(), actor="carrier:DHL", at=day(4))
    receive_late = on_return(receipt_id="R-1", site="WH-1", items=[{"line": 1, "quantity": 1}], complete=True)
    shop.send("ReceiveGoods", receive_late, actor="warehouse:W", at=day(5))
    assert not shop.order().refunds
    late = open_shop()
    request(late, {"line_id": "L1", "quantity": 1})
    receive(late, (1, 1))
    refused(late, "already_shipped", "WithdrawReturn", units((1, 1)), actor=CUSTOMER, at=day(7))
