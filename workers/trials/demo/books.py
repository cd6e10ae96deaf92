"""What the demo tells beside its story: a purchase on invoice that comes back, and an exchange whose books close."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from workers.trials.demo.story import Chapter, Step, Story

OPEN_ACCOUNTS: Final = ("refunds_owed", "accounts_receivable", "customer_receivable", "exchange_clearing")
"""What stands on these is still to be paid, or to be taken over by an order."""

TENT: Final = {"line_id": "L1", "sku": "TENT-2", "title": "Tent", "category": "tents", "quantity": 1}
COAT: Final = {"line_id": "L1", "sku": "COAT-S", "title": "Coat, size S", "category": "coats", "quantity": 1}


def invoice(story: Story) -> Chapter:
    """Return the story of a tent that was bought on invoice and came back before anybody paid it."""
    sold = story.sold(story.invoice_order_id, [TENT | {"amount_minor": 8_900}])
    sold |= {"tenders": [{"tender_id": "invoice", "kind": "on_account", "amount_minor": 8_900}]}
    asked = {"line_id": "L1", "quantity": 1, "reason": "defective", "wish": "refund"}
    says = ("a tent on invoice, not paid yet", "a zip is broken")
    return Chapter("A purchase on invoice comes back", list(_returned(story, sold, asked, says, number=1)))


def exchange(story: Story) -> Chapter:
    """Return the story of a coat that was exchanged for a dearer one, whose difference was paid on invoice."""
    sold = story.sold(story.exchange_order_id, [COAT | {"amount_minor": 6_000}])
    sold |= {"tenders": [{"tender_id": "visa", "kind": "card", "amount_minor": 6_000}]}
    dearer = {"sku": "COAT-L", "quantity": 1, "amount_minor": 7_500}
    asked = {"line_id": "L1", "quantity": 1, "reason": "too_small", "wish": "exchange", "exchange_for": dearer}
    new = story.sold(story.new_order_id, [COAT | {"sku": "COAT-L", "title": "Coat, size L", "amount_minor": 7_500}])
    new |= {
        "exchange_of": {"order_id": story.exchange_order_id, "rma_id": str(story.exchange_id), "line": 1},
        "tenders": [
            {"tender_id": "old-coat", "kind": "exchange", "amount_minor": 6_000},
            {"tender_id": "invoice", "kind": "on_account", "amount_minor": 1_500},
        ],
    }
    paid = {"order_id": story.new_order_id, "payment_id": "PM-1", "tender_id": "invoice", "amount_minor": 1_500}
    says = ("a coat, paid by card", "too small: size L costs 15.00 more")
    return Chapter(
        "An exchange for a dearer article, paid later",
        [
            *_returned(story, sold, asked, says, number=2),
            _step(
                story,
                "RegisterOrder",
                "system:shop",
                "the old coat carries 60.00, 15.00 are on account",
                new,
                days_ago=1,
            ),
            _step(story, "RecordPayment", "gateway:bank", "the 15.00 come in", paid, days_ago=0),
        ],
    )


def _returned(
    story: Story, sold: Mapping[str, object], asked: Mapping[str, object], says: Sequence[str], *, number: int
) -> Iterator[Step]:
    """Yield how an order of one unit is sold, comes back and is found in order."""
    order_id = sold["order_id"]
    about = {"order_id": order_id, "rma_id": str(story.invoice_id if number == 1 else story.exchange_id)}
    fault = asked["reason"] == "defective"
    found = {"grade": "D" if fault else "A", "cause": "manufacturing" if fault else "none_found"}
    found |= {"liable_party": "manufacturer" if fault else "customer"}
    line = {"line": 1, "quantity": 1}
    delivered = {"order_id": order_id, "delivery_id": "D-1", "lines": [{"line_id": "L1", "quantity": 1}]}
    receipt = {"receipt_id": "R-1", "site": "WH-1", "items": [line], "complete": True}
    yield _step(story, "RegisterOrder", "system:shop", says[0], sold, days_ago=12)
    yield _step(story, "RecordDelivery", "carrier:post", "it arrived", delivered, days_ago=10)
    yield _step(story, "RequestReturn", "customer:C-1042", says[1], about | {"lines": [asked]}, days_ago=8)
    yield _step(story, "ReceiveGoods", "warehouse:dock", "it came back", about | receipt, days_ago=3)
    bench = about | line | {"inspection_id": "I-1"} | found
    yield _step(story, "RecordInspection", "warehouse:bench", "it is looked at", bench, days_ago=2)


def _step(story: Story, kind: str, actor: str, says: str, data: Mapping[str, object], *, days_ago: int) -> Step:
    return Step(kind, actor, (story.now() - timedelta(days=days_ago)).isoformat(), says, data)
