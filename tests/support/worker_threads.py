"""Workers in threads, for as long as a test wants them, and a shop that speaks to them through Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
from kafka import KafkaConsumer
from psycopg.rows import dict_row

from infra.addresses import postgres_address
from infra.kafka.command_client import OutgoingCommand, Result, conversation
from infra.kafka.topics import TopicNames
from infra.metrics import WorkerMetrics
from infra.settings import Settings
from tests.support.in_thread import beside
from tests.support.pipeline import wait_for
from workers.command_worker import worker as command_worker
from workers.operating.initialising import initialise
from workers.registry import worker_named
from workers.runtime.clock import utc_now

AHEAD_MAX: Final = timedelta(days=60)
"""How far a test may set the deadline worker's clock ahead: what it sends then is not taken for a mistake."""

Run = Callable[[Settings, Event], None]
POLICY: Final[dict[str, Any]] = {"window": {"days": 30}, "method": "keep", "refund_due": "approval"}
"""A refund is requested as soon as a return is."""


@contextmanager
def running(settings: Settings, *runs: Run) -> Iterator[None]:
    """Run workers in threads until the block ends; what one raises is raised here."""
    with beside(*(partial(run, settings) for run in runs)):
        yield


@contextmanager
def system(settings: Settings) -> Iterator[Counter]:
    """Run command worker, relay and the money's read model; hand out a counter of the shop."""
    initialise(settings)
    wait_for(lambda: _topics_are_known(settings), "Kafka to know the topics it has just made")
    with ExitStack() as opened:
        workers = [worker_named(name).run for name in ("relay", "refund_ledger")]
        opened.enter_context(
            running(settings, partial(command_worker.run, metrics=WorkerMetrics("commands"), clock=_ahead), *workers)
        )
        talk = opened.enter_context(conversation(settings))

        def ask(command: OutgoingCommand) -> Result:
            return talk.ask(command.to_record())

        yield Counter(settings, ask)


def _ahead() -> datetime:
    """Return a time that no clock is ahead of that a test sets."""
    return utc_now() + AHEAD_MAX


def _topics_are_known(settings: Settings) -> bool:
    names = TopicNames(settings.topic_prefix)
    with closing(KafkaConsumer(bootstrap_servers=settings.kafka_bootstrap)) as consumer:
        return {names.commands, names.events, names.results} <= set(consumer.topics())


class Counter:
    """Sends commands and reads what became of them."""

    def __init__(self, settings: Settings, ask: Callable[[OutgoingCommand], Result]) -> None:
        self.settings = settings
        self._ask = ask

    def send(
        self, name: str, data: Mapping[str, Any], *, actor: str = "agent:A1", at: datetime | None = None
    ) -> Result:
        """Send one command and return its answer."""
        command = OutgoingCommand(
            type=name,
            id=uuid4().hex,
            source="/counter",
            key=data.get("order_id") or data.get("policy_id") or data.get("customer_id"),
            time=at or datetime.now(UTC),
            actor=actor,
            data=data,
        )
        return self._ask(command)

    def accepted(self, name: str, data: Mapping[str, Any], **how: Any) -> None:
        answer = self.send(name, data, **how)
        assert answer["status"] == "accepted", answer

    def publish(self, document: Mapping[str, Any] = POLICY) -> None:
        """Publish the policy that every order here is held to."""
        policy = {"policy_id": "standard", "effective_from": "2020-01-01T00:00:00Z", "document": document}
        self.accepted("PublishPolicy", policy)

    def order_and_return(
        self,
        order_id: str,
        tenders_minor: Mapping[str, int],
        *,
        ago: timedelta = timedelta(),
        reference: str | None = None,
        tax_minor: int = 0,
        **request: Any,
    ) -> UUID:
        """Sell one article, deliver it, take its return; payment by kinds of tender. Return the return's id.

        ``tax_minor`` is inside its price.
        """
        at, rma_id = datetime.now(UTC) - ago, uuid4()
        line = {"line_id": "L1", "sku": "MUG", "quantity": 1, "amount_minor": sum(tenders_minor.values())}
        line |= {"tax_minor": tax_minor} if tax_minor else {}
        tenders = [
            {"tender_id": f"T{number}", "kind": kind, "amount_minor": amount, "reference": reference}
            for number, (kind, amount) in enumerate(tenders_minor.items(), start=1)
        ]
        order = {"order_id": order_id, "customer_id": "C1", "country": "US", "channel": "web", "currency": "EUR"}
        self.accepted("RegisterOrder", order | {"lines": [line], "tenders": tenders}, actor="system:shop", at=at)
        units = [{"line_id": "L1", "quantity": 1}]
        delivery = {"order_id": order_id, "delivery_id": "D1", "lines": units}
        self.accepted("RecordDelivery", delivery, actor="carrier:UPS", at=at)
        wanted = [{**units[0], "reason": "defective", "wish": "refund"}]
        asked = {"rma_id": str(rma_id), "order_id": order_id, "lines": wanted, **request}
        self.accepted("RequestReturn", asked, actor="customer:C1", at=at)
        return rma_id

    def rows(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        """Return what a query finds in the system's database."""
        with psycopg.connect(postgres_address(self.settings), row_factory=dict_row) as connection:
            return connection.execute(query, parameters).fetchall()

    def payouts(self) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM rma_read.payouts ORDER BY order_id, tender_id, attempt")

    def events(self, order_id: str) -> list[str]:
        """Return the names of an order's facts."""
        return self.events_of(f"order/{order_id}")

    def events_of(self, stream: str) -> list[str]:
        """Return the names of a stream's facts."""
        found = self.rows("SELECT type FROM rma_log.events WHERE stream = %s ORDER BY version", stream)
        return [row["type"].split(".")[2] for row in found]
