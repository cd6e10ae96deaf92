"""PostgreSQL and Kafka go away and come back: every worker lives on, says that it cannot work, and then goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import httpx
import pytest

from infra.kafka.command_client import CommandPublisher
from infra.kafka.publisher import publisher_of
from infra.settings import Settings
from infra.stack.local import down, up
from tests.conftest import PARTITIONS
from tests.support.pipeline import Pipeline, wait_for
from tests.support.soundness import caught_up
from tests.system.test_health import first_of_free_ports
from tests.system.test_work_all import ALL, all_started, supervisor, workers_of
from workers.operating.initialising import initialise
from workers.trials.bench import load

RETURNS: Final = 5
AWAY_S: Final = 20.0
"""Longer than any time-out of the clients, so that nothing is still on its way."""

TIMEOUT_S: Final = 10.0
ANSWERED: Final = """
    SELECT count(*) FROM rma_log.outcomes WHERE status = 'accepted' AND source <> '/rma/credit-notes'
"""
"""What this test sends; the workers that are watched send commands of their own."""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Path]:
    """The data folder of a stack of the test's own, which runs."""
    folder = tmp_path / "stack"
    try:
        up(folder)
        yield folder
    finally:
        down(folder)


@pytest.fixture
def settings(stack: Path) -> Settings:
    return watched_system(stack)


def watched_system(stack: Path) -> Settings:
    """Return the settings of a system on a stack that runs, initialised, with workers that are watched."""
    where = up(stack)
    settings = Settings(
        postgres_dsn=where.postgres_dsn,
        kafka_bootstrap=where.kafka_bootstrap,
        partitions=PARTITIONS,
        log_format="json",
        metrics_port=first_of_free_ports(len(ALL)),
        audit_key_file=stack.parent / "audit.key",
        vault_key_file=stack.parent / "vault.key",
    )
    initialise(settings)
    return settings


def statuses(settings: Settings, path: str) -> set[int]:
    """Return what all workers answer; 0 for one that does not."""
    ports = range(settings.metrics_port, settings.metrics_port + len(ALL))
    return {_status(f"http://127.0.0.1:{port}{path}") for port in ports}


def _status(url: str) -> int:
    try:
        return httpx.get(url, timeout=TIMEOUT_S).status_code
    except httpx.TransportError:
        return 0


def trade(settings: Settings, first: int, *, returns: int = RETURNS) -> None:
    with closing(CommandPublisher(publisher_of(settings), "rma.commands")) as shop:
        for command in load.returns(returns, first=first):
            shop.publish(command.to_record())
        shop.flush()


def begin_trade(settings: Settings, *, returns: int = RETURNS) -> None:
    """Publish the policy and trade, and wait until all of it is shown."""
    with closing(CommandPublisher(publisher_of(settings), "rma.commands")) as merchant:
        merchant.publish(load.publish_policy().to_record())
        merchant.flush()
    answered(settings, 1)
    trade(settings, 0, returns=returns)
    answered(settings, 1 + returns * load.COMMANDS_PER_RETURN)


def answered(settings: Settings, commands: int) -> None:
    """Wait until so many commands were accepted and shown."""
    with closing(Pipeline(settings)) as pipeline:
        wait_for(lambda: pipeline.log.connection.execute(ANSWERED).fetchall() == [(commands,)], "all answers")
        caught_up(pipeline)


def test_an_outage_of_both_services_is_outlived(settings: Settings, stack: Path, tmp_path: Path) -> None:
    """No worker ends; each is alive all the while and not ready; what is sent afterwards is decided and shown."""
    of_one = RETURNS * load.COMMANDS_PER_RETURN
    with supervisor(settings, tmp_path) as process:
        before = all_started(process, ALL)
        begin_trade(settings)
        assert statuses(settings, "/readyz") == {200}

        down(stack)
        began = time.monotonic()
        wait_for(lambda: statuses(settings, "/readyz") == {503}, "every worker to say so")  # an answer is kept a moment
        while time.monotonic() - began < AWAY_S:
            assert statuses(settings, "/healthz") == {200}
        assert statuses(settings, "/readyz") == {503}

        up(stack)
        wait_for(lambda: statuses(settings, "/readyz") == {200}, "every worker to be ready again")
        trade(settings, RETURNS)
        answered(settings, 1 + 2 * of_one)
        after = workers_of(process)

    assert {name: worker.pid for name, worker in after.items()} == {name: worker.pid for name, worker in before.items()}
