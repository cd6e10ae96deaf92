"""What every worker is made of: metrics, group, consumer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from infra.addresses import addresses, postgres_address
from infra.health import Health, serve
from infra.kafka.clients import GroupConsumer, make_consumer
from infra.metrics import WorkerMetrics
from infra.readiness import services_away
from infra.settings import Settings
from projections.projection import Projection

COMMANDS: Final = "commands"


@contextmanager
def observed(settings: Settings, worker: str) -> Iterator[WorkerMetrics]:
    """Yield a worker's figures, and serve them with its health while the block lasts if a port is set."""
    metrics = WorkerMetrics(worker)
    if not settings.metrics_port:
        yield metrics
        return
    services = partial(services_away, postgres_address(settings), addresses(settings).kafka_bootstrap)
    with serve(Health(metrics, services), settings.metrics_host, settings.metrics_port):
        yield metrics


def group_of(worker: str) -> str:
    """Return the consumer group of a worker, without the prefix."""
    return f"rma.{worker}"


def projector_name(projection: Projection) -> str:
    """Return what a projector is called as a reader of events: each version of a read model reads on its own."""
    return f"{projection.name}.v{projection.version}"


def consumer_of(settings: Settings, worker: str, topic: str, batch_records_max: int) -> GroupConsumer:
    """Return a member of a worker's group that is about to read a topic; raises ``KafkaError`` where Kafka is away."""
    bootstrap, group = addresses(settings).kafka_bootstrap, settings.named(group_of(worker))
    consumer = make_consumer(bootstrap, group, instance=settings.instance, batch_records_max=batch_records_max)
    try:
        consumer.partitions_for_topic(topic)  # whoever assigns partitions without knowing them has to assign again
    except BaseException:
        consumer.close()
        raise
    consumer.subscribe([topic])
    return consumer
