"""The topics of a system, once it is sure that they are those of its log."""

from __future__ import annotations

from contextlib import closing

from infra.addresses import postgres_address
from infra.kafka.topics import TopicNames
from infra.log.prefix import require_prefix
from infra.sessions import connect
from infra.settings import Settings


def topics_of(settings: Settings) -> TopicNames:
    """Return the topics of a system.

    Raises:
        OtherPrefixError: The settings name others than the database belongs to.
        psycopg.Error: The database is away, or ``rma init`` never ran.
    """
    with closing(connect(postgres_address(settings))) as connection:
        require_prefix(connection, settings.topic_prefix)
    return TopicNames(settings.topic_prefix)
