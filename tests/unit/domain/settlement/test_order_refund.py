"""Money back while the goods stay: out of allocated cents, of units that the customer keeps, once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.order import Order
from domain.order.money_facts import RefundRequested
from domain.order.parts import RefundedLine
from tests.support.refusals import refused, unchanged
from tests.support.shop import Shop, names
from tests.support.stories import day, inspect, on_return, open_shop, receive, request, settle_all

TAXED: dict[str, Any] = {
    "tax_included": False,
    "lines": [
        {"line_id": "L1", "sku": "MUG", "quantity": 3, "amount_minor": 9000, "tax_minor": 1710},
        {"line_id": "L2", "sku": "POT", "quantity": 2, "amount_minor": 4000, "tax_minor": 280},
    ],
    "shipping_minor": 500,
    "tenders": [
        {"tender_id": "T1", "kind": "gift_card", "amount_minor": 1000},
        {"tender_id": "T2", "kind": "card", "amount_minor": 14_490},
    ],
}


def asking(*lines: tuple[str, int, int], name: str = "RR-1", **more: Any) -> dict[str, Any]:
    told = [{"line_id": line_id, "quantity": units, "amount_minor": amount} for line_id, units, amount in lines]
    return {"order_id": "O-1", "refund_request_id": name, "lines": told, "reason": "scratched", **more}


def requested(shop: Shop) -> RefundRequested:
    return [fact for fact in shop.history if isinstance(fact, Order.RefundRequested)][-1]


def test_several_lines_go_back_in_one_refund_each_with_its_share() -> None:
    """L1: 1000 of 6000 + 1140 is 840 + 160 (largest remainder); L2: 535 of 2000 + 140 is 500 + 35."""
    shop = open_shop(order=TAXED)
    facts = shop.send("RefundOrder", asking(("L1", 2, 1000), ("L2", 1, 535)))

    assert names(facts) == ["RefundDecided", "RefundRequested"]
    refund = requested(shop)
    assert [(c.line_id, c.first, c.count, c.goods_minor, c.tax_minor) for c in refund.credits] == [
        ("L1", 1, 2, 840, 160),
        ("L2", 1, 1, 500, 35),
    ]
    assert refund.by_line == (RefundedLine("L1", 2, 1000), RefundedLine("L2", 1, 535))
    assert (refund.rma_id, refund.amount_minor, refund.units) == (None, 1535, 3)
    assert [(p.tender_id, p.amount_minor) for p in refund.payouts] == [("T1", 1000), ("T2", 535)]
    assert [(p.account, p.amount_minor) for p in refund.postings] == [
        ("sales_returns", 1340),
        ("sales_tax", 195),
        ("refunds_owed", -1535),
    ]


def test_what_was_given_back_is_missing_from_a_later_return() -> None:
    """Units that come back later get what is left of them, to the cent: 333 + 333 + 334 less 100."""
    shop = open_shop()
    shop.send("RefundOrder", asking(("L1", 1, 100)))
    settle_all(shop)
    request(shop, {"line_id": "L1", "quantity": 3})
    receive(shop, (1, 3))
    inspect(shop, 1, 3)

    assert requested(shop).amount_minor == 900
    assert requested(shop).units == 2  # the first unit was refunded before, in part


def test_shipping_is_shared_over_what_is_left_of_it_and_counts_no_units() -> None:
    """500 by the goods 9000 and 4000 are 346 and 154; 250 of them 173 and 77, then 250 are left."""
    shop = open_shop(order=TAXED)
    shop.send("RefundOrder", asking(shipping_minor=250))
    assert requested(shop).by_line == (RefundedLine("L1", 0, 173), RefundedLine("L2", 0, 77))
    more = asking(name="RR-2", shipping_minor=251)
    refused(shop, "amount_exceeds_entitlement", "RefundOrder", more, asked=251, available_minor=250)


def test_units_that_are_split_up_share_an_amount_evenly() -> None:
    """Units 1 and 3 are kept, 2 is in a return: of 101 cents unit 1 bears ⌊101·333/667⌋ = 50, unit 3 the rest."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 1})
    request(shop, {"line_id": "L1", "quantity": 1}, rma_id=UUID(int=2))
    shop.send("WithdrawReturn", on_return(), at=day(3))
    shop.send("RefundOrder", asking(("L1", 2, 101)), at=day(4))

    assert [(c.first, c.count, c.goods_minor) for c in requested(shop).credits] == [(1, 1, 50), (3, 1, 51)]


def test_only_units_that_the_customer_keeps_are_refunded_so() -> None:
    """Units in a return, and returned ones, are that return's; the refusal says how many are kept."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 2})
    refused(shop, "quantity_exceeded", "RefundOrder", asking(("L1", 2, 10)), asked=2, available=1, line_id="L1")
    receive(shop, (1, 2))
    refused(shop, "quantity_exceeded", "RefundOrder", asking(("L1", 2, 10)), available=1)


def test_no_more_than_is_left_of_exactly_those_units() -> None:
    """Unit 1 of L1 cost 333; what its neighbours cost is not its own."""
    shop = open_shop()
    refused(shop, "amount_exceeds_entitlement", "RefundOrder", asking(("L1", 1, 334)), available_minor=333)
    shop.send("RefundOrder", asking(("L1", 1, 333)))
    again = asking(("L1", 1, 1), name="RR-2")
    refused(shop, "amount_exceeds_entitlement", "RefundOrder", again, available_minor=0)


def test_a_refund_of_nothing_is_refused() -> None:
    """Neither lines nor shipping, or zeros only."""
    shop = open_shop()
    refused(shop, "nothing_to_refund", "RefundOrder", asking())
    refused(shop, "nothing_to_refund", "RefundOrder", asking(("L1", 1, 0)))


def test_lines_are_known_and_named_once() -> None:
    """A line twice would count its units twice."""
    shop = open_shop()
    refused(shop, "duplicate_line", "RefundOrder", asking(("L1", 1, 1), ("L1", 1, 1)), line_id="L1")
    refused(shop, "unknown_line", "RefundOrder", asking(("L9", 1, 1)), line_id="L9")


def test_the_same_refund_told_again_is_no_second_one() -> None:
    """The agent's own name of it tells; with another amount it is refused."""
    shop = open_shop()
    shop.send("RefundOrder", asking(("L1", 1, 100)))
    unchanged(shop, "RefundOrder", asking(("L1", 1, 100)))
    refused(shop, "refund_request_id_reused", "RefundOrder", asking(("L1", 1, 101)), refund_request_id="RR-1")


def test_what_no_tender_takes_is_the_customers_to_spend() -> None:
    """A card that was paid twice, as a failure was taken back, has no room left; what goes back is store credit."""
    order = {"tenders": [{"tender_id": "T1", "kind": "card", "amount_minor": 1500}]}
    shop = open_shop(order=order)
    shop.send("RefundOrder", asking(("L1", 3, 1000), ("L2", 2, 400)))
    [payout] = shop.order().payouts.values()
    outcome = {"order_id": "O-1", "payout_id": str(payout.payout_id)}
    shop.send("RecordPayoutOutcome", {**outcome, "outcome": "failed"}, actor="gateway:g")
    shop.send("RetryPayout", outcome)
    shop.send("RecordPayoutOutcome", {**outcome, "outcome": "settled"}, actor="gateway:g")  # after all
    shop.send("RefundOrder", asking(("L2", 2, 100), name="RR-2"))

    credit_id, credit = next(iter(shop.order().store_credit.items()))
    assert (credit.balance_minor, credit.rma_id) == (100, None)
    spending = {"order_id": "O-1", "credit_id": str(credit_id), "spend_id": "P-1", "amount_minor": 60}
    assert names(shop.send("SpendStoreCredit", spending)) == ["StoreCreditSpent"]
    assert credit.balance_minor == 40
