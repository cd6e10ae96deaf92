"""The one place where a worker is put together from its parts and run until it is told to stop."""

from __future__ import annotations

from contextlib import closing
from threading import Event
from typing import Final

from domain.order import Order
from domain.return_policy import ReturnPolicy
from domain.rma import Rma
from infra.codec import Codec
from infra.event_log import EventLog
from infra.kafka_clients import make_admin, make_consumer
from infra.migrate import migrate
from infra.poison import PoisonRecords
from infra.settings import Settings, addresses
from infra.topics import TopicNames, create_topics
from workers.command_worker import CommandWorker
from workers.loop import BatchHandler, Loop
from workers.projector import Projector, prepare
from workers.read_models import PROJECTIONS, projection_named
from workers.relay import Relay

AGGREGATES: Final = (Order, Rma, ReturnPolicy)
COMMANDS: Final = "commands"


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
        )
    return migrations, topics


def run_commands(settings: Settings, stop: Event) -> None:
    """Handle commands until ``stop`` is set."""
    where, topics = addresses(settings), TopicNames(settings.topic_prefix)
    with closing(EventLog(where.postgres_dsn)) as log:
        worker = CommandWorker(log, make_codec(), topics, PoisonRecords(log))
        _consume(settings, COMMANDS, topics.commands, settings.command_batch_records_max, worker, stop)


def run_relay(settings: Settings, stop: Event) -> None:
    """Publish what the log holds until ``stop`` is set."""
    where = addresses(settings)
    Relay(EventLog(where.postgres_dsn), where.kafka_bootstrap, TopicNames(settings.topic_prefix), stop).run()


def run_projector(settings: Settings, stop: Event, name: str) -> None:
    """Fill the read model ``name`` until ``stop`` is set."""
    where, projection = addresses(settings), projection_named(name)
    prepare(where.postgres_dsn, projection)
    with closing(Projector(where.postgres_dsn, projection, make_codec())) as projector:
        topic = TopicNames(settings.topic_prefix).events
        group = f"{name}.v{projection.version}"
        _consume(settings, group, topic, settings.projector_batch_records_max, projector, stop)


def group_of(worker: str) -> str:
    """Return the consumer group of a worker, without the prefix."""
    return f"rma.{worker}"


def _consume(  # noqa: PLR0917 - what a consuming worker is made of
    settings: Settings, group: str, topic: str, batch_records_max: int, handler: BatchHandler, stop: Event
) -> None:
    consumer = make_consumer(
        addresses(settings).kafka_bootstrap,
        settings.named(group_of(group)),
        instance=None,
        batch_records_max=batch_records_max,
    )
    consumer.subscribe([topic])
    Loop(consumer, handler, stop).run()
