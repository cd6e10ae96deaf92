"""What a command worker is asked in tests, and what its log then holds."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from infra.records import StoredEvent
from infra.sealing.letters import key_of_letter, open_letter
from tests.support.pipeline import Pipeline, Polled, answer, command, delivery, order
from workers.command_worker.worker import CommandWorker


def outcome(pipeline: Pipeline, command_id: str) -> dict[str, Any]:
    found = pipeline.log.find_outcomes([("/shop", command_id)])
    return answer(found["/shop", command_id].result)


def events(pipeline: Pipeline) -> list[StoredEvent]:
    return pipeline.log.read(0, 1_000)


def answers(pipeline: Pipeline) -> list[bytes]:
    return [row.value for row in pipeline.log.read_outbox(0, 10**9, 10_000) if row.topic == pipeline.topics.results]


def dead_letters(pipeline: Pipeline) -> list[Any]:
    """Return the dead letters that wait to be published, key and body as they were before they were sealed."""
    found, vault = [], pipeline.open_vault()
    for row in pipeline.log.read_outbox(0, 10**9, 10_000):
        if row.topic == pipeline.topics.dead:
            key_id = key_of_letter(row.headers)
            assert key_id is not None
            original = open_letter(row.headers, row.value, vault.letter_keys([key_id])[key_id])
            found.append(row._replace(key=original.key, value=original.value))
    return found


def sold(worker: CommandWorker, order_id: str = "O-1") -> None:
    """Register an order of three units and deliver them, under a policy that takes everything back."""
    policy = {"window": {"days": 30}, "offers": ["refund"]}
    document = {"policy_id": "standard", "effective_from": "2020-01-01T00:00:00Z", "document": policy}
    worker.record(
        [
            command(
                "PublishPolicy", document, id=f"policy-of-{order_id}", actor="agent:A1", time="2020-01-01T00:00:00Z"
            ),
            command("RegisterOrder", order(order_id), id=f"order-{order_id}"),
            command("RecordDelivery", delivery(order_id, quantity=3), id=f"delivery-{order_id}"),
        ]
    )


def wanted(quantity: int, *, rma_id: str | UUID | None = None, **attributes: Any) -> Polled:
    """Return a request for units of order O-1 by its customer."""
    line = {"line_id": "L1", "quantity": quantity, "reason": "too_small", "wish": "refund"}
    body = {"rma_id": str(rma_id or uuid4()), "order_id": "O-1", "lines": [line]}
    return command("RequestReturn", body, actor="customer:C-1", **{"time": "2026-03-03T10:00:00Z", **attributes})
