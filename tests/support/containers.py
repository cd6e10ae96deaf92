"""PostgreSQL and Kafka in containers, for tests on a machine whose Docker engine answers."""

from __future__ import annotations

import gc
import secrets
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import docker
from docker.errors import DockerException
from pydantic import SecretStr
from testcontainers.core.container import DockerContainer

from infra.probes import kafka_answers, postgres_answers
from infra.services import Addresses
from infra.stack import kafka
from infra.stack.errors import StackStartError
from infra.stack.ports import free_ports

KAFKA_IMAGE: Final = "apache/kafka:4.4.0"
POSTGRES_IMAGE: Final = "postgres:18"
READY_TIMEOUT_S: Final = 120.0
POLL_S: Final = 0.2
CONTROLLER_PORT: Final = 9093


def docker_answers() -> bool:
    """Tell whether a Docker engine answers on this machine."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the client forgets its socket where no engine listens
        answers = _engine_answers()
        gc.collect()
        return answers


def _engine_answers() -> bool:
    try:
        docker.from_env(timeout=2).close()
    except DockerException:
        return False
    return True


@contextmanager
def containers() -> Iterator[Addresses]:
    """Run PostgreSQL and Kafka in containers for as long as the block lasts.

    Raises:
        StackStartError: A service did not answer in time.
    """
    [kafka_port] = free_ports(1)  # Kafka tells its clients where it is, so its outer port is chosen before it starts
    password = secrets.token_hex(16)
    with _postgres(password) as database, _kafka(kafka_port) as broker:
        host = database.get_container_host_ip()
        dsn = f"postgresql://postgres:{password}@{host}:{database.get_exposed_port(5432)}/postgres"
        bootstrap = f"{broker.get_container_host_ip()}:{kafka_port}"
        _wait("PostgreSQL", lambda: postgres_answers(dsn))
        _wait("Kafka", lambda: kafka_answers(bootstrap))
        yield Addresses(SecretStr(dsn), bootstrap)


def _postgres(password: str) -> DockerContainer:
    return (
        DockerContainer(POSTGRES_IMAGE)
        .with_env("POSTGRES_PASSWORD", password)
        .with_exposed_ports(5432)
        .with_command("-c max_connections=200")
    )


def _kafka(port: int) -> DockerContainer:
    own = {
        "listeners": f"CLIENT://:{port},CONTROLLER://:{CONTROLLER_PORT}",
        "advertised.listeners": f"CLIENT://localhost:{port}",
        "controller.quorum.voters": f"1@localhost:{CONTROLLER_PORT}",
    }
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(port, port)
    for name, value in {**kafka.PROPERTIES, **own}.items():
        container.with_env("KAFKA_" + name.upper().replace(".", "_"), value)
    return container


def _wait(name: str, answers: Callable[[], bool]) -> None:
    end = time.monotonic() + READY_TIMEOUT_S
    while not answers():
        if time.monotonic() > end:
            raise StackStartError(f"{name} did not answer in its container within {READY_TIMEOUT_S:.0f} s")
        time.sleep(POLL_S)
