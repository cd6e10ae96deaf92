"""A database and topics of one's own on services that others use too, removed in the end."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from infra.addresses import addresses, postgres_address
from infra.kafka.clients import make_admin
from infra.kafka.topics import TopicNames
from infra.settings import Settings
from workers.operating.initialising import initialise


@contextmanager
def sandbox(settings: Settings, purpose: str) -> Iterator[Settings]:
    """Make a database and topics, yield settings that lead there, and remove both when the block ends.

    Args:
        settings: Lead to the services.
        purpose: Part of the names; letters and underscores.
    Raises:
        ServiceUnreachableError, psycopg.OperationalError, kafka.errors.KafkaError: A service is away.
    """
    where, conninfo = addresses(settings), postgres_address(settings)
    name = f"rma_{purpose}_{secrets.token_hex(4)}"
    own = settings.model_copy(
        update={
            "postgres_dsn": SecretStr(make_conninfo(conninfo, dbname=name)),
            "kafka_bootstrap": where.kafka_bootstrap,
            "topic_prefix": f"{name}.",
        }
    )
    _run(conninfo, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        initialise(own)
        yield own
    finally:
        _run(conninfo, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        topics = TopicNames(own.topic_prefix)
        with closing(make_admin(where.kafka_bootstrap)) as admin:
            admin.delete_topics([topics.commands, topics.events, topics.results, topics.dead])


def _run(dsn: str, statement: sql.Composed) -> None:
    """Run a statement that no transaction may hold, over a connection of its own: the block may last for long."""
    with closing(psycopg.connect(dsn, autocommit=True)) as connection:
        connection.execute(statement)
