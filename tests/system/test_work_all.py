"""`rma work all` as a process: every worker beside it, none without it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
import pytest

from infra.settings import Settings
from tests.support.pipeline import environment, wait_for
from workers.operating.initialising import initialise
from workers.runtime.supervisor import command_line

EXIT_TIMEOUT_S: Final = 60.0
ALL: Final = {
    "commands",
    "relay",
    "tracking",
    "refund_ledger",
    "return_reasons",
    "deadlines",
    "credit_notes",
    "auditor",
}


@pytest.fixture
def system(settings: Settings) -> Settings:
    """Settings of a system that is initialised and has no worker yet."""
    initialise(settings)
    return settings


@contextmanager
def supervisor(settings: Settings, folder: Path, *options: str) -> Iterator[psutil.Popen]:
    """Run `rma work all`; whatever the test did, nothing of it is left afterwards."""
    log = folder / "all.log"
    with log.open("wb") as file:
        process = psutil.Popen(
            command_line("work", "all", *options),
            env={**os.environ, **environment(settings)},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        yield process
    finally:
        children = process.children() if process.poll() is None else []
        if process.poll() is None:
            process.terminate()
            process.wait(EXIT_TIMEOUT_S)
        for child in children:
            child.wait(EXIT_TIMEOUT_S)


def workers_of(process: psutil.Process) -> dict[str, psutil.Process]:
    """Return the running workers by name: the last word of their command lines."""
    found = {}
    for child in process.children():
        try:
            if child.status() != psutil.STATUS_ZOMBIE:
                found[child.cmdline()[-1]] = child
        except (psutil.NoSuchProcess, IndexError):
            continue
    return found


def all_started(process: psutil.Process, names: set[str]) -> dict[str, psutil.Process]:
    """Wait until these workers run, and no others; return them."""
    wait_for(lambda: workers_of(process).keys() == names, f"workers {sorted(names)}")
    return workers_of(process)


def test_every_worker_is_a_process_of_its_own(system: Settings, tmp_path: Path) -> None:
    """One process per worker; without a gateway nobody hands payouts over."""
    with supervisor(system, tmp_path) as process:
        started = all_started(process, ALL)

        assert len({child.pid for child in started.values()}) == len(ALL)


def test_sigterm_ends_all_workers_in_order(system: Settings, tmp_path: Path) -> None:
    """Asked to end, the supervisor stops every worker and ends with exit code 0."""
    with supervisor(system, tmp_path) as process:
        started = all_started(process, ALL)

        process.send_signal(signal.SIGTERM)

        assert process.wait(EXIT_TIMEOUT_S) == 0, (tmp_path / "all.log").read_text()
        assert not [child for child in started.values() if child.is_running()]


def test_no_worker_outlives_a_supervisor_that_was_killed(system: Settings, tmp_path: Path) -> None:
    """Killed without a chance to clean up, it still leaves no worker behind."""
    with supervisor(system, tmp_path) as process:
        started = all_started(process, ALL)

        process.kill()

        gone, left = psutil.wait_procs(started.values(), timeout=EXIT_TIMEOUT_S)
        assert not left
        assert len(gone) == len(ALL)


def test_a_worker_that_was_killed_is_started_again(system: Settings, tmp_path: Path) -> None:
    """The others go on meanwhile."""
    with supervisor(system, tmp_path) as process:
        before = all_started(process, ALL)

        before["relay"].kill()
        wait_for(
            lambda: (relay := workers_of(process).get("relay")) is not None and relay.pid != before["relay"].pid,
            "a relay after the one that was killed",
        )

        after = workers_of(process)
        assert {name for name in ALL if after[name].pid != before[name].pid} == {"relay"}


def test_a_worker_can_be_left_out(system: Settings, tmp_path: Path) -> None:
    """What is named after `--without` is not started, so that it can run elsewhere."""
    with supervisor(system, tmp_path, "--without", "relay", "--without", "deadlines") as process:
        all_started(process, ALL - {"relay", "deadlines"})
