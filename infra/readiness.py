"""Whether PostgreSQL and Kafka answer, told within seconds whatever they do."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Final

import psycopg

from infra.kafka_address import KafkaSecurity, security_of

ANSWER_MAX_S: Final = 2
"""How long a service may take to answer before it counts as away; PostgreSQL's client knows no shorter wait."""

CORRELATION_ID: Final = 7
API_VERSIONS: Final = struct.pack(">ihhih", 10, 18, 0, CORRELATION_ID, -1)
"""Kafka's first question, which needs no rights: ten bytes that follow, ApiVersions, version 0, no client's name.

Asked without the client, which keeps trying, logs each try and leaves its sockets behind when it gives up."""


def services_away(postgres: str, bootstrap: str) -> list[str]:
    """Return the names of those services that do not answer, within some seconds.

    Args:
        postgres: libpq connection string or URI.
        bootstrap: Kafka's host and port pairs, of which one has to answer.
    """
    asked: dict[str, Callable[[], bool]] = {
        "PostgreSQL": partial(_postgres_answers, postgres),
        "Kafka": partial(_kafka_answers, bootstrap),
    }
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = {name: pool.submit(answers) for name, answers in asked.items()}
    return [name for name, answered in answers.items() if not answered.result()]


def _postgres_answers(conninfo: str) -> bool:
    try:
        psycopg.connect(conninfo, connect_timeout=ANSWER_MAX_S).close()
    except psycopg.OperationalError:
        return False
    return True


def _kafka_answers(bootstrap: str) -> bool:
    security = security_of(bootstrap)
    return any(_broker_answers(address.strip(), security) for address in bootstrap.split(","))


def _broker_answers(address: str, security: KafkaSecurity) -> bool:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        with ExitStack() as opened:
            broker = opened.enter_context(socket.create_connection((host, int(port)), ANSWER_MAX_S))
            if tls := security.tls():
                broker = opened.enter_context(tls.wrap_socket(broker, server_hostname=host))
            broker.sendall(API_VERSIONS)
            with broker.makefile("rb") as answer:
                length_and_id = answer.read(8)
    except OSError:
        return False
    return length_and_id[4:] == struct.pack(">i", CORRELATION_ID)
