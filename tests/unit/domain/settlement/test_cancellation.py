"""Units that never leave: which ones, what goes back for them, and what may still be sent."""

from __future__ import annotations

from typing import Any

from domain.ledger import balance
from domain.order import Order
from domain.order.money_facts import RefundRequested
from domain.units import UnitRun
from tests.support.refusals import refused, states, unchanged, unit_statuses
from tests.support.shop import Shop, names
from tests.support.stories import ORDER, POLICY, day, on_return, request


def unsent_shop(policy: dict[str, Any] | None = None, **order: Any) -> Shop:
    """Return a shop with a policy and one order, of which nothing has left."""
    shop = Shop()
    document = {"policy_id": "standard", "effective_from": "2020-01-01T00:00:00Z", "document": policy or POLICY}
    shop.send("PublishPolicy", document)
    shop.send("RegisterOrder", {**ORDER, **order})
    return shop


def cancelling(*lines: tuple[str, int], name: str = "CN-1") -> dict[str, Any]:
    told = [{"line_id": line_id, "quantity": units} for line_id, units in lines]
    return {"order_id": "O-1", "cancellation_id": name, "lines": told, "reason": "sold out"}


def sending(command: str, line_id: str, quantity: int, name: str = "M-1") -> dict[str, Any]:
    key = {"RecordShipment": "shipment_id", "RecordDelivery": "delivery_id"}[command]
    return {"order_id": "O-1", key: name, "lines": [{"line_id": line_id, "quantity": quantity}]}


def refunded(shop: Shop) -> list[RefundRequested]:
    return [fact for fact in shop.history if isinstance(fact, Order.RefundRequested)]


def test_the_highest_numbered_units_go_and_their_cents_go_back_at_once() -> None:
    """1000 over three are 333, 333 and 334: units 2 and 3 give 667, to the tenders in their order."""
    shop = unsent_shop()
    facts = shop.send("CancelUnits", cancelling(("L1", 2)), actor="system:shop")

    assert names(facts) == ["UnitsCancelled", "RefundRequested"]
    assert unit_statuses(shop, "L1") == [(1, "free"), (2, "cancelled")]
    [refund] = refunded(shop)
    assert (refund.amount_minor, refund.rma_id, refund.because, refund.units) == (667, None, "cancellation", 2)
    assert [(p.tender_id, p.amount_minor) for p in refund.payouts] == [("T1", 400), ("T2", 267)]


def test_no_more_than_has_yet_to_leave_is_cancelled() -> None:
    """Shipped or delivered, whichever is more, has left; the refusal says how many have not."""
    shop = unsent_shop()
    shop.send("RecordShipment", sending("RecordShipment", "L1", 1), at=day(1))
    refused(shop, "quantity_exceeded", "CancelUnits", cancelling(("L1", 3)), asked=3, available=2, line_id="L1")
    shop.send("RecordDelivery", sending("RecordDelivery", "L1", 2), at=day(2))
    refused(shop, "quantity_exceeded", "CancelUnits", cancelling(("L1", 2)), asked=2, available=1)


def test_what_is_cancelled_is_not_sent() -> None:
    """Of three, two are cancelled: one may be shipped, one delivered, and no more."""
    shop = unsent_shop()
    shop.send("CancelUnits", cancelling(("L1", 2)))
    for command in ("RecordShipment", "RecordDelivery"):
        refused(shop, "quantity_exceeded", command, sending(command, "L1", 2), at=day(1), available=1)
        shop.send(command, sending(command, "L1", 1), at=day(1))


def test_what_is_cancelled_is_not_returned() -> None:
    """A cancelled unit cannot be asked for."""
    shop = unsent_shop()
    shop.send("CancelUnits", cancelling(("L1", 2)))
    asked = on_return(lines=[{"line_id": "L1", "quantity": 2, "reason": "fit", "wish": "refund"}])
    refused(shop, "units_not_available", "RequestReturn", asked, at=day(1), available=1)


def test_units_in_a_return_leave_it_when_no_free_ones_are_left() -> None:
    """Two of three are asked for: cancelling two takes the free third one and the higher of the two."""
    shop = unsent_shop({**POLICY, "window": {"days": 30, "anchor": "ordered"}})
    request(shop, {"line_id": "L1", "quantity": 2})
    facts = shop.send("CancelUnits", cancelling(("L1", 2)), at=day(4))

    assert names(facts)[:3] == ["Withdrawn", "UnitsFreed", "UnitsCancelled"]
    assert unit_statuses(shop, "L1") == [(1, "in_return"), (2, "cancelled")]
    assert states(shop, "authorization") == [(1, "authorized"), (1, "withdrawn")]
    assert refunded(shop)[-1].amount_minor == 667


def test_units_for_which_a_return_asks_money_are_not_cancelled() -> None:
    """Refunded on approval, they are that return's: cancelled too, they would be paid twice."""
    shop = unsent_shop({**POLICY, "window": {"days": 30, "anchor": "ordered"}, "refund_due": "approval"})
    request(shop, {"line_id": "L1", "quantity": 2})
    refused(shop, "quantity_exceeded", "CancelUnits", cancelling(("L1", 2)), at=day(4), available=1)


def test_units_after_cancelled_ones_arrive_in_their_place() -> None:
    """Unit 3 is refunded already, so 2 is cancelled; the second that arrives is then unit 3."""
    shop = unsent_shop()
    order = shop.order()
    shop.send("CancelUnits", cancelling(("L1", 1)))
    shop.send("RecordDelivery", sending("RecordDelivery", "L1", 1), at=day(1))
    shop.send("RecordDelivery", sending("RecordDelivery", "L1", 1, "M-2"), at=day(2))
    account = order.lines["L1"]
    assert [(run.first, at) for run, at in account.delivered_at(UnitRun(1, 3))] == [(1, day(1)), (2, day(2))]
    account.units.put([UnitRun(2, 1)], account.units.within([UnitRun(3, 1)]).__next__()[1])
    account.units.put([UnitRun(3, 1)], account.units.within([UnitRun(1, 1)]).__next__()[1])
    assert [(run.first, at) for run, at in account.delivered_at(UnitRun(1, 3))] == [(1, day(1)), (3, day(2))]


def test_outward_shipping_goes_back_with_the_last_unit_of_an_order_that_never_left() -> None:
    """Cancelled in two goes: the first gives goods only, the last all of the 500 cents of shipping."""
    tenders = [{"tender_id": "T1", "kind": "card", "amount_minor": 2000}]
    shop = unsent_shop(shipping_minor=500, tenders=tenders)
    shop.send("CancelUnits", cancelling(("L1", 3)))
    shop.send("CancelUnits", cancelling(("L2", 2), name="CN-2"))
    assert [refund.amount_minor for refund in refunded(shop)] == [1000, 1000]
    assert sum(payout.amount_minor for payout in shop.order().payouts.values()) == 2000


def test_no_tax_on_shipping_is_on_a_line_that_bears_no_cent_of_it() -> None:
    """8 cents of shipping are 4, 4 and 0: the 7 of tax in them are on the first two, and go back with the last unit."""
    prices = {"L1": 139, "L2": 126, "L3": 19}
    lines = [{"line_id": name, "sku": name, "quantity": 1, "amount_minor": price} for name, price in prices.items()]
    paid = [{"tender_id": "T1", "kind": "card", "amount_minor": sum(prices.values()) + 8}]
    on_top: dict[str, Any] = {"tax_included": False, "shipping_minor": 1, "shipping_tax_minor": 7}
    shop = unsent_shop(lines=lines, tenders=paid, discount_minor=0, **on_top)
    for name in ("L1", "L3", "L2"):
        shop.send("CancelUnits", cancelling((name, 1), name=name), at=day(1))

    assert sum(balance(fact.postings, "sales_tax") for fact in refunded(shop)) == 7
    assert sum(fact.amount_minor for fact in refunded(shop)) == sum(prices.values()) + 8


def test_once_something_was_sent_no_shipping_goes_back() -> None:
    """A parcel went, so it was worth its price, though nothing else will go."""
    tenders = [{"tender_id": "T1", "kind": "card", "amount_minor": 2000}]
    shop = unsent_shop(shipping_minor=500, tenders=tenders)
    shop.send("RecordShipment", sending("RecordShipment", "L1", 1), at=day(1))
    shop.send("CancelUnits", cancelling(("L1", 2), ("L2", 2)), at=day(1))
    assert [refund.amount_minor for refund in refunded(shop)] == [1167]


def test_the_same_cancellation_told_again_is_no_second_one() -> None:
    """The shop's own name of it tells; with other units it is refused."""
    shop = unsent_shop()
    shop.send("CancelUnits", cancelling(("L1", 1)))
    unchanged(shop, "CancelUnits", cancelling(("L1", 1)))
    refused(shop, "cancellation_id_reused", "CancelUnits", cancelling(("L1", 2)), cancellation_id="CN-1")


def test_lines_are_known_and_named_once() -> None:
    """A line twice would count its units twice."""
    shop = unsent_shop()
    refused(shop, "duplicate_line", "CancelUnits", cancelling(("L1", 1), ("L1", 1)), line_id="L1")
    refused(shop, "unknown_line", "CancelUnits", cancelling(("L9", 1)), line_id="L9")


def test_what_cost_nothing_is_cancelled_without_a_refund() -> None:
    """A refund of nothing is none."""
    lines = [{"line_id": "L1", "sku": "GIFT", "quantity": 1, "amount_minor": 0}]
    shop = unsent_shop(lines=lines, tenders=[])
    assert names(shop.send("CancelUnits", cancelling(("L1", 1)))) == ["UnitsCancelled"]
    assert shop.order().refunds == {}
