"""A disk is full for a while: workers wait, nothing is lost or done twice, and all goes on once there is room.

The disk is a file system in memory, mounted for the test, which is skipped where nobody may mount one: a limit on
the size of files (`RLIMIT_FSIZE`) would do everywhere, but PostgreSQL then says something else than what it says of a
full disk.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import psycopg
import pytest

from infra.probes import kafka_answers
from infra.settings import Settings
from infra.stack.local import down, up
from tests.support.pipeline import Pipeline
from tests.support.soundness import assert_log_is_whole, assert_topic_tells_the_log, caught_up
from tests.system.test_outage import ANSWERED, answered, begin_trade, statuses, trade, watched_system
from tests.system.test_work_all import ALL, all_started, supervisor, workers_of
from workers.trials.bench import load
from workers.trials.chaos.disks import Disk, DiskRefusedError, disk
from workers.trials.chaos.services import ON_DISKS

BEFORE: Final = 5
RETURNS: Final = 60
"""Enough to need more room than a table's last page and a segment of either log have left."""

FULL_S: Final = 10.0


@pytest.fixture(params=sorted(ON_DISKS))
def service(request: pytest.FixtureRequest) -> str:
    """Whose disk is full."""
    return str(request.param)


@pytest.fixture
def its_disk(service: str, tmp_path: Path) -> Iterator[Disk]:
    """The disk of one of the services of a stack that runs."""
    folder = tmp_path / "stack"
    with ExitStack() as opened:
        try:
            mounted = opened.enter_context(disk(folder / service))
        except DiskRefusedError as refused:
            pytest.skip(str(refused))
        opened.callback(down, folder)
        up(folder)
        yield mounted


@pytest.fixture
def stack(its_disk: Disk, tmp_path: Path) -> Path:
    """The data folder of that stack."""
    return tmp_path / "stack"


@pytest.fixture
def settings(stack: Path) -> Settings:
    return watched_system(stack)


def decided(settings: Settings) -> int:
    with closing(Pipeline(settings)) as pipeline:
        [(found,)] = pipeline.log.connection.execute(ANSWERED).fetchall()
    return int(found)


def test_a_full_disk_is_outlived(service: str, its_disk: Disk, settings: Settings, stack: Path, tmp_path: Path) -> None:
    """No worker ends, each is alive all the while; what came meanwhile is decided and shown, once."""
    commands = 1 + load.COMMANDS_PER_RETURN * (BEFORE + RETURNS)
    with supervisor(settings, tmp_path) as process:
        before = all_started(process, ALL)
        begin_trade(settings, returns=BEFORE)

        if service == "kafka":
            trade(settings, BEFORE, returns=RETURNS)
        with its_disk.full():
            if service == "postgres":
                trade(settings, BEFORE, returns=RETURNS)
            began = time.monotonic()
            while time.monotonic() - began < FULL_S:
                assert statuses(settings, "/healthz") == {200}
            assert is_felt(service, settings)
        up(stack)  # whoever runs a service starts it again where it ended for want of room

        answered(settings, commands)
        after = workers_of(process)
        with closing(Pipeline(settings)) as pipeline:
            caught_up(pipeline)
            assert_log_is_whole(pipeline)
            assert_topic_tells_the_log(pipeline)

    assert {name: worker.pid for name, worker in after.items()} == {name: worker.pid for name, worker in before.items()}


def is_felt(service: str, settings: Settings) -> bool:
    """Tell whether the disk was full for those who work there: commands wait, or the broker has ended."""
    if service == "kafka":
        return not kafka_answers(str(settings.kafka_bootstrap))
    try:
        return decided(settings) < 1 + load.COMMANDS_PER_RETURN * (BEFORE + RETURNS)
    except psycopg.OperationalError:
        return True
