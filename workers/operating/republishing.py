"""`rma relay --republish`: Kafka was lost, the log was not; it is published once more, from its beginning.

What was read of the old topic is not read again as something new: read models know by each stream's version what they
hold. Answers are not published again: whoever misses one sends his command again, and gets it.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from infra.addresses import addresses, postgres_address
from infra.kafka.clients import make_admin
from infra.kafka.own_topics import topics_of
from infra.kafka.topics import create_topics
from infra.log.queries import last_position
from infra.log.restoring import move_lanes
from infra.sessions import connect
from infra.settings import Settings
from workers.operating.initialising import TOPICS_READY_TIMEOUT_MS
from workers.operating.rebasing import rebase, refuse_while_workers_run
from workers.runtime.one_history import require_one_history, settle_kafka


@dataclass(frozen=True, slots=True)
class Republished:
    """What the relay has to publish now, and the topics that were missing and are there."""

    events: int
    topics: list[str]


def republish(settings: Settings) -> Republished:
    """Let the relay publish the whole log again, to the topics that are there now; those that are missing are made.

    Safe to repeat: it begins anew.

    Raises:
        OtherPrefixError: The database belongs to topics with another prefix.
        WorkersRunError: Workers run.
        TopicAheadError, TopicDiffersError: The topic holds what is not of this log.
        psycopg.OperationalError, kafka.errors.KafkaError: A service is away; nothing was changed.
    """
    bootstrap, names = addresses(settings).kafka_bootstrap, topics_of(settings)
    with closing(connect(postgres_address(settings))) as connection, closing(make_admin(bootstrap)) as admin:
        refuse_while_workers_run(settings, connection)
        made = create_topics(
            admin,
            names,
            partitions=settings.partitions,
            replication_factor=settings.replication_factor,
            min_insync_replicas=settings.min_insync_replicas,
        )
        admin.wait_for_topics(made, timeout_ms=TOPICS_READY_TIMEOUT_MS)
        with connection.transaction():
            move_lanes(connection, 0)
            rebase(connection)
            require_one_history(connection, bootstrap, names)
            settle_kafka(connection, admin, names)
        return Republished(last_position(connection), made)
