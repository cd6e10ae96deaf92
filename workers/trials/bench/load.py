"""The load that benches run: returns that go from order to inspection, as commands on Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from infra.kafka.command_client import OutgoingCommand

ORDERED: Final = datetime(2026, 3, 1, 9, tzinfo=UTC)
SOURCE: Final = "/bench"
POLICY_ID: Final = "bench"
STEPS: Final = (
    ("RegisterOrder", "system:shop", 0),
    ("RecordDelivery", "carrier:post", 1),
    ("RequestReturn", "customer:C-1", 3),
    ("RecordHandover", "carrier:post", 4),
    ("ReceiveGoods", "warehouse:WH-1", 6),
    ("RecordInspection", "warehouse:WH-1", 7),
)
"""Command, who sends it, and on which day after the order."""

COMMANDS_PER_RETURN: Final = len(STEPS)


def publish_policy() -> OutgoingCommand:
    """Return the command that publishes the policy of the load."""
    data = {
        "policy_id": POLICY_ID,
        "effective_from": "2020-01-01T00:00:00Z",
        "document": {"window": {"days": 30}, "fees": {"restocking_bps": 1000}},
    }
    return OutgoingCommand("PublishPolicy", "policy", SOURCE, POLICY_ID, ORDERED, "agent:bench", data)


def returns(count: int, *, first: int = 0) -> Iterator[OutgoingCommand]:
    """Yield six commands for each of ``count`` returns, step by step over all of them, as shops send them: mixed."""
    for name, actor, day in STEPS:
        for number in range(first, first + count):
            order_id = f"B-{number}"
            yield OutgoingCommand(
                name, f"{name}-{number}", SOURCE, order_id, ORDERED + timedelta(days=day), actor, body(name, order_id)
            )


def body(name: str, order_id: str, *, quantity: int = 3) -> dict[str, Any]:
    """Return the body of one command of the load; lines of ``quantity`` units, two thirds of them returned."""
    back = max(quantity * 2 // 3, 1)
    on_return = {"rma_id": str(uuid5(NAMESPACE_URL, order_id)), "order_id": order_id}
    bodies: dict[str, dict[str, Any]] = {
        "RegisterOrder": _order(order_id, quantity),
        "RecordDelivery": {
            "order_id": order_id,
            "delivery_id": "D-1",
            "lines": [{"line_id": "L1", "quantity": quantity}, {"line_id": "L2", "quantity": 2}],
        },
        "RequestReturn": on_return
        | {"lines": [{"line_id": "L1", "quantity": back, "reason": "too_small", "wish": "refund"}]},
        "RecordHandover": on_return,
        "ReceiveGoods": on_return
        | {"receipt_id": "R-1", "site": "WH-1", "items": [{"line": 1, "quantity": back}], "complete": True},
        "RecordInspection": on_return
        | {
            "inspection_id": "I-1",
            "line": 1,
            "quantity": back,
            "grade": "A",
            "cause": "none_found",
            "liable_party": "none",
        },
    }
    return bodies[name]


def _order(order_id: str, quantity: int) -> dict[str, object]:
    return {
        "order_id": order_id,
        "customer_id": "C-1",
        "country": "US",
        "channel": "web",
        "currency": "EUR",
        "policy_id": POLICY_ID,
        "lines": [
            {"line_id": "L1", "sku": "SHOE-42", "quantity": quantity, "amount_minor": 1000 * quantity},
            {"line_id": "L2", "sku": "SOCK", "quantity": 2, "amount_minor": 500},
        ],
        "tenders": [
            {"tender_id": "T1", "kind": "gift_card", "amount_minor": 500},
            {"tender_id": "T2", "kind": "card", "amount_minor": 1000 * quantity},
        ],
    }
