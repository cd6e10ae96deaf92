"""`rma init`: the schemas and topics that every worker finds when it starts."""

from __future__ import annotations

from contextlib import closing
from typing import Final

from infra.addresses import addresses
from infra.kafka.clients import make_admin
from infra.kafka.topics import TopicNames, create_topics
from infra.migrate import migrate
from infra.settings import Settings
from projections.read_models import PROJECTIONS
from workers.projector.projector import prepare

TOPICS_READY_TIMEOUT_MS: Final = 30_000


def initialise(settings: Settings) -> tuple[list[str], list[str]]:
    """Create what is missing of schemas and topics; return the migrations run and the topics created.

    Raises:
        ServiceUnreachableError, psycopg.OperationalError, kafka.errors.KafkaError: A service is away.
    """
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
