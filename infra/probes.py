"""Whether a service answers, asked once and not for long."""

from __future__ import annotations

import socket
from typing import Final

import psycopg
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from infra.kafka_address import connecting_to

CONNECT_TIMEOUT_S: Final = 2
REQUEST_TIMEOUT_MS: Final = 5_000


def postgres_answers(dsn: str) -> bool:
    """Tell whether a PostgreSQL takes a session at ``dsn``."""
    try:
        psycopg.connect(dsn, connect_timeout=CONNECT_TIMEOUT_S).close()
    except psycopg.OperationalError:
        return False
    return True


def kafka_answers(bootstrap: str) -> bool:
    """Tell whether a Kafka cluster answers at ``bootstrap`` (host and port pairs, separated by commas)."""
    if not any(_accepts(server) for server in bootstrap.split(",")):
        return False  # the client would try again and again
    try:
        client = KafkaAdminClient(**connecting_to(bootstrap), request_timeout_ms=REQUEST_TIMEOUT_MS)
        try:
            return bool(client.describe_cluster()["brokers"])
        finally:
            client.close()
    except KafkaError:
        return False


def _accepts(server: str) -> bool:
    host, _, port = server.strip().rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT_S).close()
    except (OSError, ValueError):
        return False
    return True
