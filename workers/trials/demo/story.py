"""The story that `rma demo` tells: one return through all six steps, as commands that anyone could send."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

POLICY_ID: Final = "demo"
CURRENCY: Final = "USD"
EMAIL: Final = "anna@mail.example"
"""Where the customer is written to."""
CARRIER: Final = "Parcel Post"
TRACKING: Final = "PP4711US"
POLICY: Final = {
    "window": {"days": 30, "anchor": "delivered"},
    "offers": ["refund", "store_credit", "exchange"],
    "method": "label",
    "return_to": "WH-1",
    "fees": {"return_shipping_minor": 495, "waived_for": ["defective", "wrong_item", "damaged_in_transit"]},
    "rules": [{"name": "shoes-60", "when": {"fact": "category", "in": ["shoes"]}, "then": {"window": {"days": 60}}}],
}


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the story: who sends it, when (business time), and what for."""

    type: str
    actor: str
    at: str
    says: str
    data: Mapping[str, object]
    refused: str | None = None
    """The code it has to be refused with; None: it has to be accepted."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """One step of the process."""

    title: str
    steps: Sequence[Step]


@dataclass(frozen=True, slots=True)
class Story:
    """The names that make one demo its own, and the clock that it ends at."""

    order_id: str
    rma_id: UUID
    denied_id: UUID
    """The return of something else, which comes too late."""
    now: Callable[[], datetime]
    invoice_id: UUID = field(default_factory=uuid4)
    """The return of what was bought on invoice."""
    exchange_id: UUID = field(default_factory=uuid4)
    """The return of what is exchanged."""

    @classmethod
    def fresh(cls) -> Story:
        """Return a story about an order and a return that nobody has told before; it ends today."""
        rma_id = uuid4()
        return cls(f"DEMO-{rma_id.hex[:8].upper()}", rma_id, uuid4(), lambda: datetime.now(UTC))

    def _day(self, days_ago: int, hour: str) -> str:
        return f"{self.now() - timedelta(days=days_ago):%Y-%m-%d}T{hour}:00Z"

    def _today(self, *, hours_ago: int = 0) -> str:
        return (self.now() - timedelta(hours=hours_ago)).isoformat()

    def chapters(self) -> Iterator[Chapter]:
        """Yield the steps up to the refund, which the payments worker then has paid out."""
        yield Chapter("0  Before: a policy, an order, a delivery", self._before())
        yield Chapter("1  Request", self._request())
        yield Chapter("2  Authorization", self._authorization())
        yield Chapter("3  Shipment", self._shipment())
        yield Chapter("4  Inspection", self._inspection())

    def feedback(self) -> Chapter:
        """Return the last step."""
        says = "five out of five"
        score = {"score": 5, "comment": "Refunded the day it was inspected."}
        closing = {"reason": "all settled"}
        return Chapter(
            "6  Feedback",
            [
                self._told("GiveFeedback", "customer:C-1042", self._today(), says, score),
                self._told("CloseReturn", "agent:rosa", self._today(), "the case is closed", closing),
            ],
        )

    def _before(self) -> list[Step]:
        published = {"policy_id": POLICY_ID, "effective_from": self._day(60, "00:00"), "document": POLICY}
        delivered = [{"line_id": "L1", "quantity": 2}, {"line_id": "L2", "quantity": 1}]
        delivery = {"order_id": self.order_id, "delivery_id": "D-1", "lines": delivered}
        return [
            Step("PublishPolicy", "agent:merchant", self._day(60, "00:00"), "30 days, shoes 60", published),
            Step("RegisterOrder", "system:shop", self._day(17, "10:00"), "two pairs of shoes, a lamp", self._order()),
            Step("RecordDelivery", "carrier:post", self._day(14, "15:20"), "everything arrived", delivery),
            *self._earlier(),
        ]

    def _earlier(self) -> list[Step]:
        """Return an order of the same customer that is too old to come back."""
        bottle = {"line_id": "L1", "sku": "BOTTLE-1", "title": "Bottle", "category": "bottles", "quantity": 1}
        order = self.sold(self.earlier_id, [bottle | {"amount_minor": 1_490}])
        order |= {"tenders": [{"tender_id": "visa", "kind": "card", "amount_minor": 1_490}]}
        delivery = {"order_id": self.earlier_id, "delivery_id": "D-1", "lines": [{"line_id": "L1", "quantity": 1}]}
        return [
            Step("RegisterOrder", "system:shop", self._day(50, "10:00"), "a bottle, weeks before", order),
            Step("RecordDelivery", "carrier:post", self._day(46, "11:00"), "it arrived", delivery),
        ]

    @property
    def earlier_id(self) -> str:
        """The order of something else."""
        return f"{self.order_id}-0"

    @property
    def invoice_order_id(self) -> str:
        """The order that was bought on invoice."""
        return f"{self.order_id}-I"

    @property
    def exchange_order_id(self) -> str:
        """The order of what is exchanged."""
        return f"{self.order_id}-X"

    @property
    def new_order_id(self) -> str:
        """The order of the article that is given for it."""
        return f"{self.order_id}-Y"

    def sold(self, order_id: str, lines: Sequence[Mapping[str, object]]) -> dict[str, object]:
        """Return what is the same in each order."""
        who = {"customer_id": "C-1042", "country": "US", "channel": "web", "currency": CURRENCY, "policy_id": POLICY_ID}
        contact = {"name": "Anna Li", "email": EMAIL, "language": "en"}
        return {"order_id": order_id, **who, "contact": contact, "lines": lines}

    def _order(self) -> dict[str, object]:
        shoes = {"line_id": "L1", "sku": "SHOE-42", "title": "Trail shoe, size 42", "category": "shoes"}
        lamp = {"line_id": "L2", "sku": "LAMP-7", "title": "Headlamp", "category": "lights"}
        lines = [shoes | {"quantity": 2, "amount_minor": 17_800}, lamp | {"quantity": 1, "amount_minor": 3_999}]
        return self.sold(self.order_id, lines) | {
            "discount_minor": 1_000,
            "shipping_minor": 690,
            "tenders": [
                {"tender_id": "gift", "kind": "gift_card", "amount_minor": 2_500},
                {"tender_id": "visa", "kind": "card", "amount_minor": 18_989},
            ],
        }

    def _request(self) -> list[Step]:
        lines = [
            {"line_id": "L1", "quantity": 1, "reason": "too_small", "wish": "refund"},
            {"line_id": "L2", "quantity": 1, "reason": "defective", "wish": "refund", "comment": "It flickers."},
        ]
        photo = {"evidence_id": "E-1", "kind": "video", "uri": "https://example.com/flicker.mp4", "line": 2}
        wanted = {"rma_id": str(self.rma_id), "order_id": self.order_id, "lines": lines, "evidence": [photo]}
        twice = wanted | {"rma_id": str(uuid4()), "lines": lines[1:], "evidence": []}
        customer, agent = "customer:C-1042", "agent:rosa"
        says = "one pair is too small, the lamp flickers; policy decides at once"
        return [
            Step("RequestReturn", customer, self._day(9, "19:05"), says, wanted),
            Step(
                "RequestReturn",
                agent,
                self._day(9, "19:06"),
                "the same lamp from another channel",
                twice,
                refused="units_not_available",
            ),
            Step("RequestReturn", customer, self._day(9, "19:08"), "the bottle, too: too late", self._too_late()),
        ]

    def _too_late(self) -> dict[str, object]:
        bottle = {"line_id": "L1", "quantity": 1, "reason": "changed_mind", "wish": "refund"}
        return {"rma_id": str(self.denied_id), "order_id": self.earlier_id, "lines": [bottle]}

    def _authorization(self) -> list[Step]:
        label = {"label_id": "LB-1", "carrier": CARRIER, "tracking_number": TRACKING, "ship_to": "WH-1"}
        says = "approved by policy, so a label goes out"
        return [self._told("IssueLabel", "system:labels", self._day(9, "19:06"), says, label)]

    def _shipment(self) -> list[Step]:
        carrier = "carrier:post"
        dropped = {"tracking_number": TRACKING, "drop_off": "Post office 12"}
        on_its_way = {"tracking_number": TRACKING, "scan_id": "S-1", "status": "in_transit", "place": "Hub 3"}
        arrived = {"tracking_number": TRACKING, "scan_id": "S-2", "status": "delivered", "place": "WH-1"}
        return [
            self._told("RecordHandover", carrier, self._day(7, "12:10"), "dropped off", dropped),
            self._told("RecordScan", carrier, self._day(6, "04:44"), "on its way", on_its_way),
            self._told("RecordScan", carrier, self._day(4, "10:31"), "delivered", arrived),
            self._told("RecordScan", carrier, self._day(4, "10:31"), "the same scan once more", arrived),
        ]

    def _inspection(self) -> list[Step]:
        items = [{"line": 1, "quantity": 1}, {"line": 2, "quantity": 1}]
        receipt = {"receipt_id": "R-1", "site": "WH-1", "items": items, "complete": True}
        shoes = {"inspection_id": "I-1", "line": 1, "quantity": 1, "grade": "A"}
        shoes |= {"cause": "none_found", "liable_party": "customer"}
        lamp = {"inspection_id": "I-2", "line": 2, "quantity": 1, "grade": "D"}
        lamp |= {"cause": "manufacturing", "liable_party": "manufacturer", "note": "loose contact"}
        dock, bench = "warehouse:dock", "warehouse:bench"
        return [
            self._told("ReceiveGoods", dock, self._day(1, "08:15"), "both arrived", receipt),
            self._told("RecordInspection", bench, self._today(hours_ago=2), "the shoes are as new", shoes),
            self._told("RecordInspection", bench, self._today(hours_ago=1), "the lamp has a factory fault", lamp),
        ]

    def _told(self, kind: str, actor: str, at: str, says: str, data: Mapping[str, object]) -> Step:
        named = {"rma_id": str(self.rma_id), "order_id": self.order_id}
        return Step(kind, actor, at, says, named | dict(data))
