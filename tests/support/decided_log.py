"""A log that holds decisions of every kind, for tests of what reads them all."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.support.pipeline import Pipeline, Polled, command, delivery, order

DOCUMENT: dict[str, Any] = {
    "window": {"days": 30},
    "offers": ["refund", "store_credit", "exchange"],
    "method": "label",
    "fees": {"restocking_bps": 1000, "return_shipping_minor": 100, "waived_for": ["defective"]},
    "rules": [
        {
            "name": "odd-reasons",
            "when": {"fact": "reason", "in": ["other", "better_price"]},
            "then": {"decide": "review", "code": "odd_reason"},
        },
        {"name": "gold", "when": {"fact": "customer_tier", "is": "gold"}, "then": {"window": {"days": 90}}},
    ],
}
REASONS = ("too_small", "defective", "other", "changed_mind")


def publication(document: dict[str, Any], *, since: str = "2020-01-01T00:00:00Z") -> Polled:
    """Return a PublishPolicy for the standard policy."""
    data = {"policy_id": "standard", "effective_from": since, "document": document}
    return command("PublishPolicy", data, actor="agent:A1", time="2020-01-01T00:00:00Z")


def decide_some(pipeline: Pipeline, orders: int) -> None:
    """Publish a policy and let so many orders ask: early and late, in several countries and tiers, for many reasons."""
    records = [publication(DOCUMENT)]
    for number in range(orders):
        records += _order_and_request(number)
    pipeline.worker().record(records)


def _order_and_request(number: int) -> list[Polled]:
    order_id = f"O-{number}"
    sold = order(order_id, country=("US", "DE", "CN")[number % 3], customer_id=f"C-{number % 7}")
    sold |= {"customer_tier": "gold"} if number % 5 == 0 else {}
    day = ("2026-03-03", "2026-04-20", "2026-05-10")[number % 4 % 3]
    lines = [
        {
            "line_id": "L1",
            "quantity": 1 + part,
            "reason": REASONS[(number + part) % len(REASONS)],
            "wish": ("refund", "exchange", "repair")[(number + part) % 3],
        }
        for part in range(1 + number % 2)
    ]
    rma_id, customer = str(uuid4()), f"customer:{sold['customer_id']}"
    asked = {"rma_id": rma_id, "order_id": order_id, "lines": lines}
    records = [
        command("RegisterOrder", sold),
        command("RecordDelivery", delivery(order_id, quantity=3)),
        command("RequestReturn", asked, actor=customer, time=f"{day}T10:00:00Z"),
    ]
    if number % 6 == 0:
        corrected = {"rma_id": rma_id, "order_id": order_id, "line": 1, "reason": "defective"}
        records.append(command("CorrectRequest", corrected, actor=customer, time=f"{day}T11:00:00Z"))
    return records
