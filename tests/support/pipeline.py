"""A system for one test: a database and topics of its own, and workers that run as long as the test wants them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import Any, Final
from uuid import uuid4

import orjson
from kafka import KafkaConsumer
from kafka.admin import NewTopic
from kafka.structs import TopicPartition

from commands.sources import ANYONE, Sources
from infra.envelope.codec import Codec
from infra.kafka.clients import make_admin, make_consumer
from infra.kafka.partitioner import Placement, settle_partitioner
from infra.kafka.publisher import Publisher, publisher_of
from infra.kafka.record import Batch, Offsets, Record
from infra.kafka.topics import TopicNames, create_topics
from infra.log.event_log import EventLog
from infra.log.poison import PoisonRecords
from infra.metrics import WorkerMetrics
from infra.migrate import migrate
from infra.sealing.vault import Vault, open_vault
from infra.settings import Settings
from projections.projection import Projection
from tests.support.in_thread import beside
from workers.command_worker.sealing import Sealing
from workers.command_worker.worker import CommandWorker
from workers.projector.projector import Projector, prepare
from workers.relay import Relay
from workers.runtime.clock import utc_now
from workers.runtime.every_event import make_codec
from workers.runtime.loop import BatchHandler, Loop

WAIT_MAX_S: Final = 120.0
"""How long a test waits for something to happen before it fails; nothing is judged by how long it took."""

LOOK_EVERY_S: Final = 0.02
ORDER: Final[dict[str, Any]] = {
    "order_id": "O-1",
    "customer_id": "C-1",
    "country": "US",
    "channel": "web",
    "currency": "EUR",
    "lines": [{"line_id": "L1", "sku": "SHOE-42", "quantity": 3, "amount_minor": 900}],
    "tenders": [{"tender_id": "T1", "kind": "card", "amount_minor": 900}],
}


@dataclass(frozen=True, slots=True)
class Polled:
    """A record as a consumer hands it over."""

    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    key: bytes | None = b"O-1"
    topic: str = "rma.commands"
    partition: int = 0
    offset: int = field(default_factory=iter(range(10**9)).__next__)
    timestamp: int = 0


def with_value(record: Record, value: bytes) -> Polled:
    """Return a record that holds something else."""
    return Polled(value, record.headers, record.key, record.topic, record.partition, record.offset, record.timestamp)


def order(order_id: str = "O-1", **changes: Any) -> dict[str, Any]:
    """Return the body of a RegisterOrder, the caller's own down to its lines."""
    return {**deepcopy(ORDER), "order_id": order_id, **changes}


def delivery(order_id: str = "O-1", *, quantity: int = 1, delivery_id: str = "D-1") -> dict[str, Any]:
    """Return the body of a RecordDelivery."""
    return {
        "order_id": order_id,
        "delivery_id": delivery_id,
        "lines": [{"line_id": "L1", "quantity": quantity}],
    }


def headers(name: str, **attributes: str | None) -> list[tuple[str, bytes]]:
    """Return the headers of a command in binary mode; an attribute that is None is left out."""
    known: dict[str, str | None] = {
        "specversion": "1.0",
        "id": uuid4().hex,
        "source": "/shop",
        "type": f"rma.{name}.v1",
        "time": "2026-03-01T10:00:00+01:00",
        "actor": "system:shop",
        **attributes,
    }
    given = [(f"ce_{attribute}", value.encode()) for attribute, value in known.items() if value is not None]
    return [*given, ("content-type", b"application/json")]


def command(name: str, data: Mapping[str, Any], *, key: bytes | None = b"O-1", **attributes: str | None) -> Polled:
    """Return a command as a record."""
    return Polled(orjson.dumps(data), headers(name, **attributes), key)


def answer(entry_result: bytes | None) -> dict[str, Any]:
    """Return an answer's JSON."""
    assert entry_result is not None
    answered: dict[str, Any] = orjson.loads(entry_result)
    return answered


def wait_for(condition: Callable[[], Any], what: str, *, look_every_s: float = LOOK_EVERY_S) -> Any:
    """Return what a condition returns once it is true; fail the test after ``WAIT_MAX_S``."""
    deadline = time.monotonic() + WAIT_MAX_S
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(look_every_s)
    raise AssertionError(f"waited in vain for {what}")


def environment(settings: Settings) -> dict[str, str]:
    """Return the variables that give another process these settings."""
    return settings.as_environment()


class Pipeline:
    """The parts of a system, made for one test."""

    def __init__(self, settings: Settings) -> None:
        assert settings.postgres_dsn is not None
        assert settings.kafka_bootstrap is not None
        self.settings = settings
        self.dsn, self.bootstrap = settings.postgres_dsn.get_secret_value(), settings.kafka_bootstrap
        self.topics = TopicNames(settings.topic_prefix)
        self.codec: Codec = make_codec()
        migrate(self.dsn)
        with closing(make_admin(self.bootstrap)) as admin:
            self.partitioner = settle_partitioner(self.dsn, admin, self.topics.own)
            create_topics(admin, self.topics, partitions=settings.partitions)
        self._logs: list[EventLog] = []
        self._vaults: list[Vault] = []
        self.log = self.open_log()
        self._publisher: Publisher | None = None

    def close(self) -> None:
        for session in (*self._logs, *self._vaults):
            session.close()
        if self._publisher is not None:
            self._publisher.close()

    def open_log(self) -> EventLog:
        """Return the log over a connection of its own, which is closed with the pipeline."""
        self._logs.append(EventLog(self.dsn))
        return self._logs[-1]

    def open_vault(self) -> Vault:
        """Return the vault over a connection of its own, which is closed with the pipeline."""
        self._vaults.append(open_vault(self.settings))
        return self._vaults[-1]

    def create_topic(self, name: str) -> None:
        """Create a topic beside the system's own."""
        with closing(make_admin(self.bootstrap)) as admin:
            admin.create_topics([NewTopic(name, self.settings.partitions, 1)])

    @property
    def placement(self) -> Placement:
        """Where the records of this system's topics belong."""
        return Placement(self.partitioner, self.settings.partitions)

    def publish(self, records: Sequence[Polled]) -> None:
        """Put records on the commands topic, acknowledged; keys decide the partition."""
        self._publisher = self._publisher or publisher_of(self.settings)
        self._publisher.deliver(
            self.topics.commands, [(record.key, record.value, record.headers) for record in records]
        )

    def worker(
        self,
        log: EventLog | None = None,
        *,
        sources: Sources = ANYONE,
        clock: Callable[[], datetime] = utc_now,
        metrics: WorkerMetrics | None = None,
    ) -> CommandWorker:
        """Return a command worker with a connection of its own."""
        log = log or self.open_log()
        return CommandWorker(
            log,
            self.codec,
            self.topics,
            PoisonRecords(log),
            sealing=Sealing(self.open_vault()),
            sources=sources,
            clock=clock,
            metrics=metrics,
        )

    def handle_all(self, *, records: int, group: str = "commands") -> None:
        """Run a command worker from Kafka until it has handled so many records."""
        self.consume(self.worker(), self.topics.commands, group=group, records=records)

    def consume(self, handler: BatchHandler, topic: str, *, group: str, records: int) -> None:
        """Run the workers' loop in this thread until the handler has handled so many records."""
        stop = Event()
        counted = Counted(handler, records, stop)
        guard = threading.Timer(WAIT_MAX_S, stop.set)
        guard.start()
        try:
            Loop(self.consumer(topic, group), counted, stop).run()
        finally:
            guard.cancel()
        assert counted.seen >= records, f"{counted.seen} of {records} records came"

    def consumer(self, topic: str, group: str) -> KafkaConsumer:
        consumer = make_consumer(
            self.bootstrap, self.settings.named(group), instance=None, batch_records_max=self.settings.partitions * 100
        )
        consumer.subscribe([topic])
        return consumer

    @contextmanager
    def relaying(self) -> Iterator[None]:
        """Run a relay in a thread of its own; what it raises is raised here."""
        with beside(lambda stop: Relay(EventLog(self.dsn), self.bootstrap, self.topics, stop).run()):
            yield

    def relay_all(self) -> None:
        """Run a relay until nothing is left to publish."""
        with self.relaying():
            wait_for(self.all_relayed, "the relay to publish everything")

    def all_relayed(self) -> bool:
        [(done,)] = self.log.connection.execute(
            "SELECT r.position = (SELECT coalesce(max(position), 0) FROM rma_log.events) "
            "AND r.outbox_seq = (SELECT outbox_seq FROM rma_log.tail) FROM rma_log.relays AS r"
        ).fetchall()
        return bool(done)

    def read_topic(self, topic: str) -> list[Any]:
        """Return every record of a topic, partition by partition, in order."""
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, group_id=None, auto_offset_reset="earliest")
        try:
            partitions = [TopicPartition(topic, number) for number in range(self.settings.partitions)]
            consumer.assign(partitions)
            ends = consumer.end_offsets(partitions)
            records: list[Any] = []
            deadline = time.monotonic() + WAIT_MAX_S
            while any(consumer.position(partition) < ends[partition] for partition in partitions):
                assert time.monotonic() < deadline, "the topic could not be read to its end"
                for polled in consumer.poll(timeout_ms=500).values():
                    records += polled
            return sorted(records, key=lambda record: (record.partition, record.offset))
        finally:
            consumer.close()

    def results(self) -> list[dict[str, Any]]:
        """Return every published answer as JSON."""
        return [orjson.loads(record.value) for record in self.read_topic(self.topics.results)]

    def project(self, projection: Projection, *, records: int, group: str = "projector") -> None:
        """Fold records of the events topic until so many were handled."""
        prepare(self.dsn, projection)
        with closing(Projector(self.dsn, projection, self.codec)) as projector:
            self.consume(projector, self.topics.events, group=group, records=records)


class Counted:
    """A handler that stops the loop once so many records were handled."""

    def __init__(self, handler: BatchHandler, records: int, stop: Event) -> None:
        self._handler = handler
        self._records = records
        self._stop = stop
        self.seen = 0

    def handle(self, batch: Batch) -> Offsets:
        next_offsets = self._handler.handle(batch)
        self.seen += sum(len(records) for records in batch.values())
        if self.seen >= self._records:
            self._stop.set()
        return next_offsets

    def resume_offset(self, partition: TopicPartition) -> int | None:
        return self._handler.resume_offset(partition)
