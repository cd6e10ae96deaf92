"""Real services for tests: started once per run, a database and a family of topics of its own for each test."""

from __future__ import annotations

import gc
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import hypothesis
import pytest
import structlog
from kafka import KafkaAdminClient
from pydantic import SecretStr

from infra.services import Addresses
from infra.settings import Settings
from infra.stack.local import down, remove_abandoned, up
from tests.support.containers import containers, docker_answers
from tests.support.databases import own_database

CLONE: Final = Path(__file__).parents[1]
STACKS: Final = CLONE / ".rma"
STACK_PREFIX: Final = "test-"
PARTITIONS: Final = 3
VAULT_KEY: Final = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
"""A master key of the vault, for tests alone."""


def pytest_configure() -> None:
    """Let SIGTERM end a run as Ctrl-C does, so that the services of the run are stopped."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # how fast examples are made, and how long one takes, is the machine's
    slow = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile("ours", deadline=None, suppress_health_check=slow)
    hypothesis.settings.load_profile("ours")
    structlog.configure = partial(_configure_logs, structlog.configure)


def _configure_logs(configure: Callable[..., None], **options: Any) -> None:
    """Configure logs without keeping loggers, which would stay silent, or loud, for the tests that come after."""
    configure(**options | {"cache_logger_on_first_use": False})


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Let no test be silent, or loud, because of what another ran in its process: a bench, a command of ours."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def pytest_unconfigure() -> None:
    """Let the collector see again what workers' loops hid from it; DuckDB calls it leaked at the end."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def addresses() -> Iterator[Addresses]:
    """Real PostgreSQL and real Kafka: those given, else in containers, else the local stack."""
    dsn, bootstrap = os.environ.get("RMA_POSTGRES_DSN"), os.environ.get("RMA_KAFKA_BOOTSTRAP")
    if dsn and bootstrap:
        yield Addresses(SecretStr(dsn), bootstrap)
    elif docker_answers():
        with containers() as started:
            yield started
    else:
        yield from _local_stack()


def _local_stack() -> Iterator[Addresses]:
    STACKS.mkdir(exist_ok=True)
    remove_abandoned(STACKS, STACK_PREFIX)
    folder = STACKS / f"{STACK_PREFIX}{os.getpid()}"
    try:
        yield up(folder)
    finally:
        down(folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_dsn(addresses: Addresses) -> Iterator[str]:
    """A database of this test's own, dropped after it."""
    with own_database(addresses.postgres_dsn.get_secret_value()) as dsn:
        yield dsn


@pytest.fixture
def kafka_bootstrap(addresses: Addresses) -> str:
    """The address of a real Kafka, shared by all tests of the run."""
    return addresses.kafka_bootstrap


@pytest.fixture
def topic_prefix(kafka_bootstrap: str) -> Iterator[str]:
    """A prefix of this test's own for topics and groups; its topics are deleted after the test."""
    prefix = f"t{uuid4().hex[:10]}."
    yield prefix
    admin = KafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    try:
        mine = [topic for topic in admin.list_topics() if topic.startswith(prefix)]
        if mine:
            admin.delete_topics(mine)
    finally:
        admin.close()


@pytest.fixture
def settings(postgres_dsn: str, kafka_bootstrap: str, topic_prefix: str, tmp_path: Path) -> Settings:
    """Settings of a system that no other test sees: a database, topics and a signing key of its own."""
    return Settings(
        postgres_dsn=SecretStr(postgres_dsn),
        kafka_bootstrap=kafka_bootstrap,
        topic_prefix=topic_prefix,
        partitions=PARTITIONS,
        log_format="json",
        audit_key_file=tmp_path / "audit.key",
        vault_key=SecretStr(VAULT_KEY),
    )
