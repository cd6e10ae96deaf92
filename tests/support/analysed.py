"""Three orders and their returns, small enough to work every answer about them out by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from domain.recorded import RecordedEvent
from tests.support.recorded_facts import recorded_of
from tests.support.shop import Shop
from tests.support.stories import day, on_return, open_shop

SHOES, LAMP, UNSENT, KEPT, HINTED, BROKEN, GIFT = (UUID(int=number) for number in range(1, 8))
POLICY: Final[dict[str, Any]] = {
    "window": {"days": 90},
    "offers": ["refund", "store_credit", "repair"],
    "fees": {"restocking_bps": 1_000, "waived_for": ["defective", "warranty_fault"]},
    "rules": [
        {"name": "look", "when": {"fact": "reason", "is": "other"}, "then": {"decide": "review", "code": "look"}},
        {"name": "never", "when": {"fact": "reason", "is": "gift"}, "then": {"decide": "deny", "code": "no_gifts"}},
        {"name": "keep", "when": {"fact": "reason", "is": "missing_part"}, "then": {"method": "keep"}},
        {
            "name": "hints",
            "when": {"fact": "reason", "is": "quality"},
            "then": {"remedy": {"kind": "troubleshooting", "instructions": "Hold the button for ten seconds."}},
        },
    ],
}


def order(order_id: str, customer_id: str, country: str, channel: str, *lines: tuple[str, str, int, int]) -> Shop:
    """Return a shop with one order, delivered on the first day; lines are article, category, units and cents."""
    sold = [
        {"line_id": f"L{n}", "sku": sku, "category": category, "quantity": quantity, "amount_minor": amount}
        for n, (sku, category, quantity, amount) in enumerate(lines, start=1)
    ]
    tender = {"tender_id": "T1", "kind": "card", "amount_minor": sum(amount for *_, amount in lines)}
    told = {"order_id": order_id, "customer_id": customer_id, "country": country, "channel": channel}
    return open_shop(POLICY, {**told, "lines": sold, "tenders": [tender]})


def ask(shop: Shop, rma_id: UUID, order_id: str, **line: Any) -> None:
    """Let the customer ask for units of a line: one of the first, to be refunded, unless told otherwise."""
    customer = shop.order(order_id).customer_id
    asked = [{"line_id": "L1", "quantity": 1, "wish": "refund", **line}]
    shop.send("RequestReturn", on_return(rma_id, order_id, lines=asked), actor=f"customer:{customer}", at=day(3))


def bring_in(shop: Shop, rma_id: UUID, order_id: str, quantity: int, **found: Any) -> None:
    """Let units travel, arrive and be inspected, two days for the way, one for the bench."""

    def about(**data: Any) -> dict[str, Any]:
        return on_return(rma_id, order_id, **data)

    shop.send("RecordHandover", about(), actor="carrier:DHL", at=day(5))
    items = [{"line": 1, "quantity": quantity}]
    receipt = about(receipt_id="R-1", site="WH-1", items=items, complete=True)
    shop.send("ReceiveGoods", receipt, actor="warehouse:WH-1", at=day(7))
    finding = {"grade": "A", "cause": "none_found", "liable_party": "none", **found}
    told = about(inspection_id="I-1", line=1, quantity=quantity, **finding)
    shop.send("RecordInspection", told, actor="warehouse:WH-1", at=day(8))


def pay(shop: Shop, order_id: str) -> None:
    """Let the gateway settle what waits, on the tenth day."""
    for payout in list(shop.order(order_id).payouts.values()):
        if payout.status == "requested":
            told = on_return(payout.rma_id, order_id, payout_id=str(payout.payout_id), outcome="settled")
            shop.send("RecordPayoutOutcome", told, actor="gateway:g", at=day(10))


def german_shoes() -> Shop:
    """Four pairs of shoes sold for 400.00: two come back as new, one is never sent."""
    shop = order("O-1", "C-1", "DE", "web", ("SHOE", "shoes", 4, 40_000))
    ask(shop, SHOES, "O-1", reason="too_small", quantity=2)
    bring_in(shop, SHOES, "O-1", 2)
    pay(shop, "O-1")
    told = on_return(SHOES, score=5)
    shop.send("GiveFeedback", told, actor="customer:C-1", at=day(11))
    shop.send("CloseReturn", on_return(SHOES, reason="done"), actor="agent:rosa", at=day(12))
    ask(shop, UNSENT, "O-1", reason="changed_mind")
    (deadline,) = [one for one in shop.rma(UNSENT).deadlines.values() if one.kind == "ship_back"]
    passed = on_return(UNSENT, deadline_id=str(deadline.deadline_id))
    shop.send("PassDeadline", passed, actor="clock:deadlines", at=deadline.due_at + timedelta(hours=1))
    return shop


def american_lamps() -> Shop:
    """Three lamps sold for 90.00: a person lets one back that is broken, one may be kept, one works after all."""
    shop = order("O-2", "C-1", "US", "store", ("LAMP", "lamps", 3, 9_000))
    ask(shop, LAMP, "O-2", reason="other")
    decided = on_return(LAMP, "O-2", lines=[{"line": 1, "quantity": 1, "decision": "deny"}])
    shop.send("DecideRequest", decided, actor="agent:rosa", at=day(4))
    over = {**decided, "lines": [{"line": 1, "quantity": 1, "decision": "approve"}]}
    shop.send("OverrideDecision", {**over, "approved_by": "boss", "reason": "x"}, actor="agent:rosa", at=day(4))
    bring_in(shop, LAMP, "O-2", 1, grade="D", cause="manufacturing", liable_party="manufacturer")
    pay(shop, "O-2")
    goodwill = on_return(LAMP, "O-2", amount_minor=500, reason="sorry")
    shop.send("GrantGoodwill", goodwill, actor="agent:rosa", at=day(10))
    ask(shop, KEPT, "O-2", reason="missing_part")
    ask(shop, HINTED, "O-2", reason="quality")
    shop.send("AnswerRemedy", on_return(HINTED, "O-2", line=1, accepted=True), actor="customer:C-1", at=day(4))
    return shop


def american_kettle() -> Shop:
    """Two kettles and a cup sold for 70.00: of two asked for, one kettle comes and is repaired; the cup stays."""
    shop = order("O-3", "C-2", "US", "web", ("KETTLE", "kettles", 2, 6_000), ("CUP", "cups", 1, 1_000))
    ask(shop, BROKEN, "O-3", reason="warranty_fault", quantity=2, wish="repair")
    bring_in(shop, BROKEN, "O-3", 1, grade="D", cause="wear", liable_party="manufacturer")
    told = on_return(BROKEN, "O-3", line=1, quantity=1)
    shop.send("RecordRepair", told, actor="warehouse:WH-1", at=day(14))
    ask(shop, GIFT, "O-3", reason="gift", line_id="L2")
    return shop


def events() -> list[RecordedEvent]:
    """Return everything that happened, order by order."""
    told: list[RecordedEvent] = []
    for order_id, shop in (("O-1", german_shoes()), ("O-2", american_lamps()), ("O-3", american_kettle())):
        told += recorded_of(shop, order_id=order_id, start=len(told) + 1)
    return told
