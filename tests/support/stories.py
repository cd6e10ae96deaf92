"""Whole stories of returns, told through the real commands in memory."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tests.support.shop import ORDERED, RMA_ID, Shop

ORDER: dict[str, Any] = {
    "order_id": "O-1",
    "customer_id": "C-1",
    "country": "US",
    "channel": "web",
    "currency": "EUR",
    "lines": [
        {"line_id": "L1", "sku": "SHOE-42", "quantity": 3, "amount_minor": 1000, "category": "shoes"},
        {"line_id": "L2", "sku": "SOCK", "quantity": 2, "amount_minor": 500},
    ],
    "tenders": [
        {"tender_id": "T1", "kind": "gift_card", "amount_minor": 400},
        {"tender_id": "T2", "kind": "card", "amount_minor": 1100},
    ],
}
POLICY: dict[str, Any] = {"window": {"days": 30}, "offers": ["refund", "store_credit"]}


def day(number: int) -> datetime:
    """Return an instant so many days after the order was placed."""
    return ORDERED + timedelta(days=number)


def on_return(rma_id: UUID | None = RMA_ID, order_id: str = "O-1", **data: Any) -> dict[str, Any]:
    """Return the body of a command about a return; None: about the order alone."""
    return {"order_id": order_id, **({} if rma_id is None else {"rma_id": str(rma_id)}), **data}


def open_shop(policy: dict[str, Any] | None = None, order: dict[str, Any] | None = None) -> Shop:
    """Return a shop with a policy and one order, delivered on the first day."""
    shop, order = Shop(), {**ORDER, **(order or {})}
    shop.send(
        "PublishPolicy",
        {"policy_id": "standard", "effective_from": "2020-01-01T00:00:00Z", "document": policy or POLICY},
    )
    shop.send("RegisterOrder", order)
    delivered = [{"line_id": line["line_id"], "quantity": line["quantity"]} for line in order["lines"]]
    shop.send("RecordDelivery", {"order_id": order["order_id"], "delivery_id": "D-1", "lines": delivered}, at=day(1))
    return shop


def request(shop: Shop, *lines: dict[str, Any], rma_id: UUID = RMA_ID, on: int = 3, **more: Any) -> None:
    """Ask for lines to go back; each is completed by a reason and a wish."""
    asked = [{"reason": "too_small", "wish": "refund", **line} for line in lines]
    shop.send("RequestReturn", on_return(rma_id, lines=asked, **more), at=day(on))


def receive(shop: Shop, *items: tuple[int, int], rma_id: UUID = RMA_ID, complete: bool = True, on: int = 6) -> None:
    """Let units arrive at the dock, given as line and quantity."""
    shop.send("RecordHandover", on_return(rma_id), actor="carrier:DHL", at=day(on - 1))
    shop.send(
        "ReceiveGoods",
        on_return(
            rma_id,
            receipt_id=f"R-{on}",
            site="WH-1",
            items=[{"line": line, "quantity": quantity} for line, quantity in items],
            complete=complete,
        ),
        at=day(on),
    )


def inspect(shop: Shop, line: int, quantity: int, name: str = "I-1", *, rma_id: UUID = RMA_ID, **found: Any) -> None:
    """Let the bench find what it finds: as new, no fault, unless told otherwise."""
    findings = {"grade": "A", "cause": "none_found", "liable_party": "none", **found}
    shop.send(
        "RecordInspection",
        on_return(rma_id, inspection_id=name, line=line, quantity=quantity, **findings),
        at=day(7),
    )


def settle_all(shop: Shop, outcome: str = "settled", *, order_id: str = "O-1") -> None:
    """Let the gateways answer every payout that waits for an answer."""
    for payout in list(shop.order(order_id).payouts.values()):
        if payout.status == "requested":
            shop.send(
                "RecordPayoutOutcome",
                on_return(payout.rma_id, order_id, payout_id=str(payout.payout_id), outcome=outcome, reference="gw-1"),
                actor="gateway:stripe",
                at=day(8),
            )


def six_steps() -> Shop:
    """Return a shop in which a return went through all six steps, and another was denied."""
    shop = open_shop()
    request(
        shop,
        {"line_id": "L1", "quantity": 2, "reason": "defective"},
        {"line_id": "L2", "quantity": 1, "wish": "store_credit"},
        evidence=[{"evidence_id": "E-1", "kind": "photo", "uri": "https://example.org/1.jpg", "line": 1}],
        case_id="CASE-1",
    )
    shop.send(
        "IssueLabel",
        on_return(label_id="LB-1", carrier="DHL", tracking_number="JJD-1", ship_to="WH-1"),
        at=day(4),
    )
    receive(shop, (1, 2), (2, 1))
    inspect(shop, 1, 1, "I-1", cause="manufacturing", liable_party="supplier", grade="D")
    inspect(shop, 1, 1, "I-2")
    inspect(shop, 2, 1, "I-3", grade="C", cause="wear", liable_party="customer")
    settle_all(shop)
    shop.send(
        "DecideResolution",
        on_return(line=2, quantity=1, resolution="store_credit", amount_minor=100),
        at=day(9),
    )
    shop.send("GiveFeedback", on_return(score=4, comment="quick"), actor="customer:C-1", at=day(10))
    request(shop, {"line_id": "L2", "quantity": 1}, rma_id=UUID(int=2), on=60)
    return shop
