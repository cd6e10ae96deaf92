"""Where command worker, relay and projectors are put together from their parts, and what every worker is made of.

The payments and deadline workers, which act on events, are put together in their own modules on ``acting``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Event
from typing import Final

from domain.order import Order
from domain.return_policy import ReturnPolicy
from domain.rma import Rma
from domain.settlement_difference import SettlementDifference
from infra.codec import Codec
from infra.event_log import EventLog
from infra.kafka_clients import GroupConsumer, make_admin, make_consumer
from infra.metrics import WorkerMetrics, serve
from infra.migrate import migrate
from infra.poison import PoisonRecords
from infra.settings import Settings, addresses
from infra.topics import TopicNames, create_topics
from workers.command_worker import CommandWorker
from workers.loop import Loop
from workers.projector import Projector, prepare
from workers.read_models import PROJECTIONS, projection_named
from workers.relay import Relay

AGGREGATES: Final = (Order, Rma, ReturnPolicy, SettlementDifference)
COMMANDS: Final = "commands"
RELAY: Final = "relay"
TOPICS_READY_TIMEOUT_MS: Final = 30_000


def make_codec() -> Codec:
    """Return the codec that knows every event of the domain."""
    return Codec(AGGREGATES)


def initialise(settings: Settings) -> tuple[list[str], list[str]]:
    """Create what is missing of schemas and topics; return the migrations run and the topics created."""
    where = addresses(settings)
    migrations = migrate(where.postgres_dsn)
    for projection in PROJECTIONS.values():
        prepare(where.postgres_dsn, projection)
    with closing(make_admin(where.kafka_bootstrap)) as admin:
        topics = create_topics(
            admin,
            TopicNames(settings.topic_prefix),
            partitions=settings.partitions,
            replication_factor=settings.replication_factor,
            min_insync_replicas=settings.min_insync_replicas,
        )
        admin.wait_for_topics(topics, timeout_ms=TOPICS_READY_TIMEOUT_MS)  # made is not yet known everywhere
    return migrations, topics


@contextmanager
def observed(settings: Settings, worker: str) -> Iterator[WorkerMetrics]:
    """Yield a worker's figures, and serve them with its health while the block lasts if a port is set."""
    metrics = WorkerMetrics(worker)
    if not settings.metrics_port:
        yield metrics
        return
    with serve(metrics, settings.metrics_host, settings.metrics_port):
        yield metrics


def run_commands(settings: Settings, stop: Event) -> None:
    """Handle commands until ``stop`` is set."""
    where, topics = addresses(settings), TopicNames(settings.topic_prefix)
    with observed(settings, COMMANDS) as metrics, closing(EventLog(where.postgres_dsn)) as log:
        worker = CommandWorker(log, make_codec(), topics, PoisonRecords(log), metrics)
        consumer = _consumer(settings, COMMANDS, topics.commands, settings.command_batch_records_max)
        Loop(consumer, worker, stop, metrics).run()


def run_relay(settings: Settings, stop: Event) -> None:
    """Publish what the log holds until ``stop`` is set."""
    where, topics = addresses(settings), TopicNames(settings.topic_prefix)
    with observed(settings, RELAY) as metrics:
        log, batch = EventLog(where.postgres_dsn), settings.relay_batch_records_max
        Relay(log, where.kafka_bootstrap, topics, stop, metrics, batch_records_max=batch).run()


def run_projector(settings: Settings, stop: Event, name: str) -> None:
    """Fill the read model ``name`` until ``stop`` is set."""
    where, projection = addresses(settings), projection_named(name)
    prepare(where.postgres_dsn, projection)
    topic, group = TopicNames(settings.topic_prefix).events, f"{name}.v{projection.version}"
    with (
        observed(settings, name) as metrics,
        closing(Projector(where.postgres_dsn, projection, make_codec(), metrics)) as projector,
    ):
        consumer = _consumer(settings, group, topic, settings.projector_batch_records_max)
        Loop(consumer, projector, stop, metrics).run()


def group_of(worker: str) -> str:
    """Return the consumer group of a worker, without the prefix."""
    return f"rma.{worker}"


def _consumer(settings: Settings, worker: str, topic: str, batch_records_max: int) -> GroupConsumer:
    bootstrap, group = addresses(settings).kafka_bootstrap, settings.named(group_of(worker))
    consumer = make_consumer(bootstrap, group, instance=settings.instance, batch_records_max=batch_records_max)
    consumer.subscribe([topic])
    return consumer
