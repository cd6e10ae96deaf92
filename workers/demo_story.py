"""The story that `rma demo` tells: one return through all six steps, as commands that anyone could send."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

POLICY_ID: Final = "demo"
RMA_LINES: Final = 2
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
class Telling:
    """One command of the story: who sends it, when (business time), and what for."""

    type: str
    actor: str
    at: str
    says: str
    data: Mapping[str, Any]
    refused: str | None = None
    """The code it has to be refused with; None: it has to be accepted."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """One step of the process."""

    title: str
    tellings: Sequence[Telling]


@dataclass(frozen=True, slots=True)
class Story:
    """The names that make one telling its own."""

    order_id: str
    rma_id: UUID

    @classmethod
    def fresh(cls) -> Story:
        """Return a story about an order and a return that nobody has told before."""
        rma_id = uuid4()
        return cls(f"DEMO-{rma_id.hex[:8].upper()}", rma_id)

    def chapters(self) -> Iterator[Chapter]:
        """Yield the steps up to the refund; who pays it out is known only then."""
        yield Chapter("0  Before: a policy, an order, a delivery", self._before())
        yield Chapter("1  Request", self._request())
        yield Chapter("2  Authorization", self._authorization())
        yield Chapter("3  Shipment", self._shipment())
        yield Chapter("4  Inspection", self._inspection())

    def resolution(self, payouts: Sequence[Mapping[str, Any]]) -> Chapter:
        """Return the step in which the gateway reports each payout that the refund asked for."""
        tellings = [
            self._told(
                "RecordPayoutOutcome",
                "gateway:demo",
                "2026-03-17T16:00:00Z",
                f"the gateway paid back to the {payout['tender_kind'].replace('_', ' ')}",
                {
                    "payout_id": str(payout["payout_id"]),
                    "outcome": "settled",
                    "reference": f"PAY-{number}",
                    "amount_minor": payout["amount_minor"],
                    "currency": "USD",
                },
            )
            for number, payout in enumerate(payouts, start=1)
        ]
        return Chapter("5  Resolution: the money", tellings)

    def feedback(self) -> Chapter:
        """Return the last step."""
        says = "five out of five"
        score = {"score": 5, "comment": "Refunded the day it was inspected."}
        closing = {"reason": "all settled"}
        return Chapter(
            "6  Feedback",
            [
                self._told("GiveFeedback", "customer:C-1042", "2026-03-19T20:30:00Z", says, score),
                self._told("CloseReturn", "agent:rosa", "2026-03-20T09:00:00Z", "the case is closed", closing),
            ],
        )

    def _before(self) -> list[Telling]:
        published = {"policy_id": POLICY_ID, "effective_from": "2026-01-01T00:00:00Z", "document": POLICY}
        delivered = [{"line_id": "L1", "quantity": 2}, {"line_id": "L2", "quantity": 1}]
        delivery = {"order_id": self.order_id, "delivery_id": "D-1", "lines": delivered}
        return [
            Telling("PublishPolicy", "agent:merchant", "2026-01-01T00:00:00Z", "30 days, shoes 60", published),
            Telling(
                "RegisterOrder", "system:shop", "2026-03-01T10:00:00Z", "two pairs of shoes, a lamp", self._order()
            ),
            Telling("RecordDelivery", "carrier:post", "2026-03-04T15:20:00Z", "everything arrived", delivery),
        ]

    def _order(self) -> dict[str, Any]:
        shoes = {"line_id": "L1", "sku": "SHOE-42", "title": "Trail shoe, size 42", "category": "shoes"}
        lamp = {"line_id": "L2", "sku": "LAMP-7", "title": "Headlamp", "category": "lights"}
        return {
            "order_id": self.order_id,
            "customer_id": "C-1042",
            "country": "US",
            "channel": "web",
            "currency": "USD",
            "policy_id": POLICY_ID,
            "lines": [
                shoes | {"quantity": 2, "amount_minor": 17_800},
                lamp | {"quantity": 1, "amount_minor": 3_999},
            ],
            "discount_minor": 1_000,
            "shipping_minor": 690,
            "tenders": [
                {"tender_id": "gift", "kind": "gift_card", "amount_minor": 2_500},
                {"tender_id": "visa", "kind": "card", "amount_minor": 18_989},
            ],
        }

    def _request(self) -> list[Telling]:
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
            Telling("RequestReturn", customer, "2026-03-09T19:05:00Z", says, wanted),
            Telling(
                "RequestReturn",
                agent,
                "2026-03-09T19:06:00Z",
                "the same lamp from another channel",
                twice,
                refused="units_not_available",
            ),
        ]

    def _authorization(self) -> list[Telling]:
        label = {"label_id": "LB-1", "carrier": CARRIER, "tracking_number": TRACKING, "ship_to": "WH-1"}
        says = "approved by policy, so a label goes out"
        return [self._told("IssueLabel", "system:labels", "2026-03-09T19:06:30Z", says, label)]

    def _shipment(self) -> list[Telling]:
        carrier = "carrier:post"
        dropped = {"tracking_number": TRACKING, "drop_off": "Post office 12"}
        on_its_way = {"tracking_number": TRACKING, "scan_id": "S-1", "status": "in_transit", "place": "Hub 3"}
        arrived = {"tracking_number": TRACKING, "scan_id": "S-2", "status": "delivered", "place": "WH-1"}
        return [
            self._told("RecordHandover", carrier, "2026-03-11T12:10:00Z", "dropped off", dropped),
            self._told("RecordScan", carrier, "2026-03-12T04:44:00Z", "on its way", on_its_way),
            self._told("RecordScan", carrier, "2026-03-14T10:31:00Z", "delivered", arrived),
            self._told("RecordScan", carrier, "2026-03-14T10:31:00Z", "the same scan once more", arrived),
        ]

    def _inspection(self) -> list[Telling]:
        items = [{"line": 1, "quantity": 1}, {"line": 2, "quantity": 1}]
        receipt = {"receipt_id": "R-1", "site": "WH-1", "items": items, "complete": True}
        shoes = {"inspection_id": "I-1", "line": 1, "quantity": 1, "grade": "A"}
        shoes |= {"cause": "none_found", "liable_party": "customer"}
        lamp = {"inspection_id": "I-2", "line": 2, "quantity": 1, "grade": "D"}
        lamp |= {"cause": "manufacturing", "liable_party": "manufacturer", "note": "loose contact"}
        dock, bench = "warehouse:dock", "warehouse:bench"
        return [
            self._told("ReceiveGoods", dock, "2026-03-16T08:15:00Z", "both arrived", receipt),
            self._told("RecordInspection", bench, "2026-03-17T09:40:00Z", "the shoes are as new", shoes),
            self._told("RecordInspection", bench, "2026-03-17T09:55:00Z", "the lamp has a factory fault", lamp),
        ]

    def _told(self, kind: str, actor: str, at: str, says: str, data: Mapping[str, Any]) -> Telling:
        named = {"rma_id": str(self.rma_id), "order_id": self.order_id}
        return Telling(kind, actor, at, says, named | dict(data))
