"""A worker that is asked to end drains: it finishes what it has in hand, commits, and is gone within ten seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import pytest
from psycopg import Connection, connect

from infra.addresses import postgres_address
from infra.kafka.command_client import CommandPublisher
from infra.kafka.publisher import publisher_of
from infra.settings import Settings
from tests.support.every_worker import vault_socket_in, with_work_for_all
from tests.support.pipeline import Pipeline, wait_for
from tests.support.soundness import assert_log_is_whole, assert_topic_tells_the_log
from tests.support.worker_processes import WorkerProcess
from workers.cli.exit_codes import DONE
from workers.operating.initialising import initialise
from workers.operating.running import processes
from workers.registry import WORKERS
from workers.trials.bench import load

DRAIN_MAX_S: Final = 10.0
RETURNS: Final = 40


@pytest.fixture
def system(settings: Settings, tmp_path: Path) -> Settings:
    """A system in which every worker has something to do."""
    keys = tmp_path / "keys.jsonl"
    keys.touch()
    sites = tmp_path / "sites.json"
    sites.write_text("{}")
    own = {"http_keys_file": keys, "sites_file": sites, "vault_socket": vault_socket_in(tmp_path), "http_port": 0}
    made = with_work_for_all(settings.model_copy(update=own))
    initialise(made)
    return made


@pytest.fixture
def everyone(system: Settings, tmp_path: Path) -> Iterator[dict[str, WorkerProcess]]:
    """One worker of every kind that there is, at work."""
    workers = {worker.name: WorkerProcess(worker.name, worker.name, system, tmp_path) for worker in WORKERS}
    with ExitStack() as killed:
        for worker in workers.values():
            killed.callback(worker.kill)
            worker.start()
        with connect(postgres_address(system), autocommit=True) as connection:
            wait_for(lambda: all_run(system, connection, list(workers.values())), "every worker to run")
        yield workers


def all_run(system: Settings, connection: Connection, workers: list[WorkerProcess]) -> bool:
    """Tell whether each worker is seen by what it stands on; none may have ended."""
    assert not [worker.what_it_said() for worker in workers if not worker.runs]
    return all(processes(system, connection).values())


def test_each_worker_drains_in_time(system: Settings, everyone: dict[str, WorkerProcess]) -> None:
    """Asked in the middle of a load, one after the other ends with 0, soon; what is recorded is whole."""
    with closing(CommandPublisher(publisher_of(system), f"{system.topic_prefix}rma.commands")) as shop:
        for command in [load.publish_policy(), *load.returns(RETURNS, first=0)]:
            shop.publish(command.to_record())
        shop.flush()
    took_s = {}
    for name, worker in everyone.items():
        began = time.monotonic()
        assert worker.end() == DONE, worker.what_it_said()
        took_s[name] = time.monotonic() - began

    assert max(took_s.values()) <= DRAIN_MAX_S, took_s
    with closing(Pipeline(system)) as pipeline:
        assert_log_is_whole(pipeline)
        pipeline.relay_all()
        assert_topic_tells_the_log(pipeline)
