"""Two credit-note workers are killed every second while a thousand refunds are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from threading import Event
from typing import Any
from uuid import UUID

from infra.kafka.command_client import OutgoingCommand
from infra.settings import Settings
from tests.support.pipeline import wait_for
from tests.support.worker_processes import serve, until_killed
from tests.support.worker_threads import Counter, system
from workers.projector.inbox import Outlet

REFUNDS = 1_000
ORDERS_PER_LIFE = 40
LIFE_S = 1.0


@contextmanager
def two_workers(settings: Settings) -> Iterator[None]:
    """Run two workers until the block ends."""
    with until_killed(serve, "credit_notes", settings), until_killed(serve, "credit_notes", settings):
        yield


def commands_of(number: int) -> list[OutgoingCommand]:
    """Return what sells one article and takes its return, which is paid at once."""
    order_id, at = f"O-{number}", datetime.now(UTC)
    units = [{"line_id": "L1", "quantity": 1}]
    order = {
        "order_id": order_id, "customer_id": "C1", "country": "US", "channel": "web", "currency": "EUR",
        "lines": [{**units[0], "sku": "MUG", "amount_minor": 100 + number}],
        "tenders": [{"tender_id": "T1", "kind": "card", "amount_minor": 100 + number}],
    }  # fmt: skip
    asked = {
        "rma_id": str(UUID(int=number + 1)), "order_id": order_id,
        "lines": [{**units[0], "reason": "defective", "wish": "refund"}],
    }  # fmt: skip
    told: list[tuple[str, str, dict[str, Any]]] = [
        ("RegisterOrder", "system:shop", order),
        ("RecordDelivery", "carrier:UPS", {"order_id": order_id, "delivery_id": "D1", "lines": units}),
        ("RequestReturn", "customer:C1", asked),
    ]
    return [
        OutgoingCommand(type=name, id=f"{name}/{number}", source="/shop", key=order_id, time=at, actor=actor, data=data)
        for name, actor, data in told
    ]


def issued(counter: Counter) -> list[dict[str, Any]]:
    return counter.rows("SELECT * FROM rma_read.credit_notes ORDER BY number")


def test_kills_leave_neither_gap_nor_double(settings: Settings) -> None:
    """Numbers 1 to 1,000, each once, each refund its own, to the cent."""
    with system(settings) as counter, closing(Outlet(settings)) as shop:
        counter.publish()
        for first in range(0, REFUNDS, ORDERS_PER_LIFE):
            with two_workers(settings):
                numbers = range(first, min(first + ORDERS_PER_LIFE, REFUNDS))
                shop.publish([command for number in numbers for command in commands_of(number)])
                Event().wait(LIFE_S)
        with two_workers(settings):
            wait_for(lambda: len(issued(counter)) >= REFUNDS, "a note for every refund")

        notes = issued(counter)
        assert [int(note["number"].rpartition("-")[2]) for note in notes] == list(range(1, REFUNDS + 1))
        refunds = counter.rows("SELECT refund_id, amount_minor FROM rma_read.refunds")
        assert {(note["refund_id"], note["gross_minor"]) for note in notes} == {tuple(r.values()) for r in refunds}
        asked = counter.rows("SELECT count(*) AS number FROM rma_log.outcomes WHERE source = '/rma/credit-notes'")
        assert asked[0]["number"] == REFUNDS
