"""A webhook worker is killed again and again while 10,000 events go to a receiver that fails every other time."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from threading import Event
from typing import Any, Final
from uuid import UUID

from infra.addresses import postgres_address
from infra.kafka.command_client import OutgoingCommand
from infra.metrics import WorkerMetrics
from infra.sealing.master_keys import read_master_keys
from infra.sessions import connect
from infra.settings import Settings
from tests.support.pipeline import wait_for
from tests.support.receiver import Receiver, receiving
from tests.support.worker_processes import until_killed
from tests.support.worker_threads import Counter, system
from workers.projector.inbox import Outlet
from workers.webhooks import lanes, subscriptions
from workers.webhooks.worker import Patience, run

ORDERS: Final = 400
DELIVERIES: Final = 24
"""Of each order; with its registration 25 events a key, more than are sent at a go, and 10,000 in all."""

EVENTS: Final = ORDERS * (DELIVERIES + 1)
KILLS: Final = 4
SOON: Final = Patience(first_s=0.02, factor=1.2, longest_s=0.2)


def work(settings: Settings) -> None:
    """Be a webhook worker until killed."""
    run(settings, Event(), WorkerMetrics("webhooks"), patience=SOON)


def commands_of(number: int) -> list[OutgoingCommand]:
    """Return what sells so many units and delivers each by itself."""
    order_id, at = f"O-{number}", datetime.now(UTC)
    order = {
        "order_id": order_id, "customer_id": "C1", "country": "US", "channel": "web", "currency": "EUR",
        "lines": [{"line_id": "L1", "quantity": DELIVERIES, "sku": "MUG", "amount_minor": 100 * DELIVERIES}],
        "tenders": [{"tender_id": "T1", "kind": "card", "amount_minor": 100 * DELIVERIES}],
    }  # fmt: skip
    unit = [{"line_id": "L1", "quantity": 1}]
    told: list[tuple[str, dict[str, Any]]] = [("RegisterOrder", order)]
    told += [
        ("RecordDelivery", {"order_id": order_id, "delivery_id": f"D{one}", "lines": unit}) for one in range(DELIVERIES)
    ]
    return [
        OutgoingCommand(
            type=name, id=f"{number}/{place}", source="/shop", key=order_id, time=at, actor="system:shop", data=data
        )
        for place, (name, data) in enumerate(told)
    ]


def fails_every_other_time(event_id: str, before: int) -> int:
    """Half of all events are taken at once, a quarter the second time, and so on: the same for each run."""
    return 500 if UUID(event_id).int >> before & 1 else 200


def recorded(counter: Counter) -> dict[str, list[str]]:
    """Return the ids of the events by their Kafka key, in the order of the log."""
    by_key: dict[str, list[str]] = {}
    for row in counter.rows(
        "SELECT partition_key, event_id FROM rma_log.events WHERE starts_with(type, 'rma.Order.') ORDER BY position"
    ):
        by_key.setdefault(row["partition_key"], []).append(str(row["event_id"]))
    return by_key


def has_taken(receiver: Receiver, number: int) -> bool:
    return len(receiver.taken) >= number


def taken_first(receiver: Receiver) -> dict[str, list[str]]:
    """Return the ids of what was taken, by Kafka key, each where it was taken first."""
    by_key: dict[str, dict[str, None]] = {}
    for one in receiver.taken:
        by_key.setdefault(one.event["partitionkey"], {})[one.event_id] = None
    return {key: list(ids) for key, ids in by_key.items()}


def test_kills_and_failures_lose_nothing(settings: Settings) -> None:
    """Every event arrives, in the order of its key; what arrives again has the same id and says the same."""
    told = settings.model_copy(update={"webhooks": True, "webhooks_allow_private": True})
    with system(told) as counter, receiving(answer=fails_every_other_time) as receiver:
        counter.publish()
        with closing(connect(postgres_address(told))) as connection:
            subscriptions.add(connection, read_master_keys(told), receiver.url, ["rma.Order.*"], allow_private=True)
            with closing(Outlet(told)) as shop:
                shop.publish([command for number in range(ORDERS) for command in commands_of(number)])
            for kill in range(1, KILLS + 1):
                with until_killed(work, told):
                    enough = EVENTS * kill // (KILLS + 1)
                    wait_for(partial(has_taken, receiver, enough), f"{enough} deliveries")
            with until_killed(work, told):
                wait_for(lambda: len({one.event_id for one in receiver.taken}) >= EVENTS, "every event")
                wait_for(lambda: (found := lanes.counts(connection)) and not found.waiting, "nothing to wait")

        assert taken_first(receiver) == recorded(counter)
        assert len({one.event_id for one in receiver.got}) == EVENTS
        assert len({(one.event_id, one.body) for one in receiver.got}) == EVENTS
        assert sum(one.status != 200 for one in receiver.got) > EVENTS * 0.8
