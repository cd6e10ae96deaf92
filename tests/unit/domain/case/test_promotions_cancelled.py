"""Cancelled units break no promotion; they carry their share of it away."""

from __future__ import annotations

from typing import Any

from tests.support.conservation import check
from tests.support.shop import Shop
from tests.support.stories import day
from tests.unit.domain.case.test_promotions import RECOMPUTE, an_order, give_back, taken


def cancel(shop: Shop, line_id: str, quantity: int, on: int = 2) -> None:
    told = {"cancellation_id": f"C-{on}", "lines": [{"line_id": line_id, "quantity": quantity}], "reason": "sold out"}
    shop.send("CancelUnits", {"order_id": "O-1", **told}, at=day(on))


def ordered(*delivered: tuple[str, int], **order: Any) -> Shop:
    """Return a shop with an order of which only some units arrived."""
    shop = Shop()
    published = {"policy_id": "standard", "effective_from": "2020-01-01T00:00:00Z", "document": RECOMPUTE}
    shop.send("PublishPolicy", published)
    whole = {"order_id": "O-1", "customer_id": "C-1", "country": "US", "channel": "web", "currency": "EUR"}
    shop.send("RegisterOrder", whole | an_order() | order)
    lines = [{"line_id": line_id, "quantity": quantity} for line_id, quantity in delivered]
    shop.send("RecordDelivery", {"order_id": "O-1", "delivery_id": "D", "lines": lines}, at=day(1))
    return shop


def test_a_cancellation_breaks_nothing_but_carries_its_share_away() -> None:
    """One shirt never left: 36.00 back. Of the others one is returned: 36.00 less the 4.00 of the one kept."""
    shop = ordered(("L1", 2))
    cancel(shop, "L1", 1)
    assert taken(shop) == [0]

    assert give_back(shop, ("L1", 1), number=1) == [3_200]
    assert give_back(shop, ("L1", 1), number=2) == [4_000]
    assert taken(shop) == [0, 400, -400]


def test_a_cancellation_gives_back_what_was_taken_before() -> None:
    """28.00 for the first shirt; the two others never left: 72.00, and the 8.00, for nothing is kept."""
    shop = ordered(("L1", 1))
    assert give_back(shop, ("L1", 1)) == [2_800]
    cancel(shop, "L1", 2, on=7)

    assert [refund.amount_minor for refund in shop.order().refunds.values()] == [2_800, 8_000]
    assert taken(shop) == [800, -800]
    check(shop)
