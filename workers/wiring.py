"""Where command worker, relay and projectors are put together from their parts, and what every worker is made of.

The payments and deadline workers, which act on events, are put together in their own modules on ``acting``.
"""

from __future__ import annotations

from contextlib import closing
from threading import Event
from typing import Final

from infra.addresses import addresses
from infra.kafka.clients import make_admin
from infra.kafka.topics import TopicNames, create_topics
from infra.log.event_log import EventLog
from infra.log.poison import PoisonRecords
from infra.migrate import migrate
from infra.settings import Settings
from projections.read_models import PROJECTIONS, projection_named
from workers.command_worker.worker import CommandWorker
from workers.projector.projector import Projector, prepare
from workers.relay import Relay
from workers.runtime.loop import Loop
from workers.runtime.parts import COMMANDS, consumer_of, make_codec, observed

RELAY: Final = "relay"
TOPICS_READY_TIMEOUT_MS: Final = 30_000


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


def run_commands(settings: Settings, stop: Event) -> None:
    """Handle commands until ``stop`` is set."""
    where, topics = addresses(settings), TopicNames(settings.topic_prefix)
    with observed(settings, COMMANDS) as metrics, closing(EventLog(where.postgres_dsn)) as log:
        worker = CommandWorker(log, make_codec(), topics, PoisonRecords(log), metrics)
        consumer = consumer_of(settings, COMMANDS, topics.commands, settings.command_batch_records_max)
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
        consumer = consumer_of(settings, group, topic, settings.projector_batch_records_max)
        Loop(consumer, projector, stop, metrics).run()
