"""Whether PostgreSQL and Kafka answer is told in time, whatever they do instead."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import pytest

from infra.readiness import ANSWER_MAX_S, services_away
from infra.stack.ports import free_ports

TOLD_MAX_S: Final = 3 * ANSWER_MAX_S
"""What is told is told within seconds, on a busy machine too."""


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where somebody takes calls and says nothing, like a service that stands still."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield int(server.getsockname()[1])


def test_services_that_answer_are_not_away(postgres_dsn: str, kafka_bootstrap: str) -> None:
    """Both are there."""
    assert services_away(postgres_dsn, kafka_bootstrap) == []


def test_services_that_are_gone_are_away(postgres_dsn: str) -> None:
    """Nobody listens where Kafka, or where PostgreSQL should be."""
    postgres, kafka = free_ports(2)

    assert services_away(postgres_dsn, f"127.0.0.1:{kafka}") == ["Kafka"]
    gone = f"postgresql://postgres@127.0.0.1:{postgres}/postgres"
    assert services_away(gone, f"127.0.0.1:{kafka}") == ["PostgreSQL", "Kafka"]


def test_services_that_stand_still_are_away(silent: int) -> None:
    """They take the call and never answer: told within seconds all the same."""
    began = time.monotonic()
    away = services_away(f"postgresql://postgres@127.0.0.1:{silent}/postgres", f"127.0.0.1:{silent}")

    assert away == ["PostgreSQL", "Kafka"]
    assert time.monotonic() - began < TOLD_MAX_S
