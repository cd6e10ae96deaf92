"""A worker that lacks something says so in one line, and ends; a database works for the topics of one prefix."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from threading import Event
from typing import Final

import psycopg
import pytest

from infra.addresses import addresses, postgres_address
from infra.kafka import clients
from infra.kafka.clients import make_admin
from infra.kafka.topics import TopicNames
from infra.log.prefix import OtherPrefixError
from infra.metrics import WorkerMetrics
from infra.migrate import migrate
from infra.schema_version import migrations
from infra.settings import Settings
from infra.stack.ports import free_ports
from tests.support.every_worker import with_work_for_all
from tests.support.pipeline import wait_for
from tests.support.worker_processes import EXIT_TIMEOUT_S, WorkerProcess
from workers.cli.exit_codes import DONE, SAID_NO
from workers.operating.initialising import initialise
from workers.projector.projector import PREPARE_LOCK
from workers.registry import WORKERS, worker_named
from workers.runtime.starting import require_initialised

EVERY_WORKER: Final = pytest.mark.parametrize("name", [worker.name for worker in WORKERS])
LAST: Final = migrations()[-1].name


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings under which every worker has something to do."""
    return with_work_for_all(settings)


@pytest.fixture
def system(settings: Settings) -> Settings:
    """Settings of a system that is initialised."""
    initialise(settings)
    return settings


def ends(name: str, settings: Settings, folder: Path) -> tuple[int | None, str]:
    """Start a worker that ends by itself; return its exit code and all that it said."""
    worker = WorkerProcess(name, name, settings, folder)
    worker.start()
    wait_for(lambda: not worker.runs, f"{name} to end")
    return worker.process.exitcode, worker.log.read_text()


@EVERY_WORKER
def test_without_a_schema_each_worker_says_so(settings: Settings, tmp_path: Path, name: str) -> None:
    """The line names the remedy; nothing else is said."""
    line = "the database has no schema of this platform, run: rma init\n"

    assert ends(name, settings, tmp_path) == (SAID_NO, line)


@EVERY_WORKER
def test_without_topics_each_worker_says_so(settings: Settings, tmp_path: Path, name: str) -> None:
    """A schema alone is not enough; the topics that lack are named."""
    migrate(postgres_address(settings))
    lacking = ", ".join(sorted(TopicNames(settings.topic_prefix).all))

    assert ends(name, settings, tmp_path) == (SAID_NO, f"topic {lacking} does not exist, run: rma init\n")


@EVERY_WORKER
def test_a_worker_with_another_prefix_is_refused(system: Settings, tmp_path: Path, name: str) -> None:
    """It would publish one system's events to another's topics."""
    other = system.model_copy(update={"topic_prefix": "other."})
    said = (
        f"this database belongs to the topics with prefix {system.topic_prefix}, RMA_TOPIC_PREFIX says prefix other.: "
        "set it back, or use a database of its own\n"
    )

    assert ends(name, other, tmp_path) == (SAID_NO, said)


def test_a_database_is_made_for_one_prefix(system: Settings) -> None:
    """Another prefix is refused before any topic is made for it; the same one is welcome again."""
    other = system.model_copy(update={"topic_prefix": f"{system.topic_prefix}other."})

    with pytest.raises(OtherPrefixError):
        initialise(other)
    initialise(system)

    with closing(make_admin(addresses(system).kafka_bootstrap)) as admin:
        assert not set(admin.list_topics()) & set(TopicNames(other.topic_prefix).all)


def test_a_database_from_before_learns_its_prefix(system: Settings) -> None:
    """A system that was made when none was remembered works on, and remembers at the next initialisation."""
    forget = "DELETE FROM rma_log.system WHERE name = 'topic_prefix' RETURNING value"
    with psycopg.connect(postgres_address(system), autocommit=True) as connection:
        assert connection.execute(forget).fetchall() == [(system.topic_prefix,)]
        require_initialised(system)
        initialise(system)
        assert connection.execute(forget).fetchall() == [(system.topic_prefix,)]


def test_a_schema_that_is_behind_is_named(system: Settings, tmp_path: Path) -> None:
    """A worker of a newer version does not start on the tables of an older one."""
    with psycopg.connect(postgres_address(system), autocommit=True) as connection:
        connection.execute("DELETE FROM public.rma_migrations WHERE name = %s", (LAST,))

    assert ends("relay", system, tmp_path) == (SAID_NO, f"the database lacks {LAST}, run: rma init\n")


def test_a_service_that_is_away_at_the_start_is_waited_for(system: Settings, tmp_path: Path) -> None:
    """A worker that is started too early lives, waits, and begins once it can."""
    database = psycopg.conninfo.conninfo_to_dict(postgres_address(system))["dbname"]
    server = psycopg.conninfo.make_conninfo(postgres_address(system), dbname="postgres")
    worker = WorkerProcess("relay", "relay", system, tmp_path)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
        worker.start()
        wait_for(lambda: "service_away_retrying" in worker.what_it_said(), "the relay to wait")
        connection.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')
    wait_for(lambda: "relay_leads" in worker.what_it_said(), "the relay to begin")

    assert worker.end() == DONE


@pytest.mark.parametrize("name", ["deadlines", "tracking"])
def test_what_cannot_be_made_ready_at_once_is_waited_for(system: Settings, tmp_path: Path, name: str) -> None:
    """Somebody holds the lock for longer than a statement waits, as PostgreSQL does that is about to go away."""
    worker = WorkerProcess(name, name, system, tmp_path)
    with closing(psycopg.connect(postgres_address(system), autocommit=True)) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (PREPARE_LOCK,))
        worker.start()
        wait_for(lambda: "service_away_retrying" in worker.what_it_said() or not worker.runs, f"{name} to wait")
        assert worker.runs, worker.what_it_said()

    assert worker.end() == DONE, worker.what_it_said()


@pytest.mark.parametrize("name", ["commands", "tracking", "deadlines"])
def test_kafka_that_goes_away_while_a_worker_is_made_ready_is_waited_for(
    system: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It was there at the first look, and is not when the worker joins: the worker waits, and ends when asked to."""
    monkeypatch.setattr(clients, "BOOTSTRAP_TIMEOUT_MS", 500)
    [nobody] = free_ports(1)
    away = system.model_copy(update={"kafka_bootstrap": f"127.0.0.1:{nobody}"})
    stop, metrics, worker = Event(), WorkerMetrics(name), worker_named(name)
    run = partial(resolve_name(worker.runs), away, stop, metrics, *([worker.of] if worker.of else []))
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(run)
        try:
            wait_for(lambda: metrics.waits_for or running.done(), f"{name} to wait")
            assert not running.done(), running.exception()
        finally:
            stop.set()
        running.result(EXIT_TIMEOUT_S)
