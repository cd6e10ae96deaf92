"""PostgreSQL and Kafka of a run's own, which can be killed and come back at the same place, with what they hold."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from infra.services import Addresses
from infra.stack import kafka, postgres
from infra.stack.local import TOOLS_DIR, down, up
from infra.stack.ports import ports_of
from infra.stack.processes import running

KILL_TIMEOUT_S: Final = 10.0


class Services:
    """Both services in a folder.

    Args:
        folder: Everything they write is under it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self.where: Addresses = up(folder)

    def kill_postgres(self) -> None:
        """End the server and all its sessions with SIGKILL."""
        _kill(running(str(postgres.cluster_folder(self._folder))))

    def start_postgres(self) -> None:
        process, service, dsn = postgres.start(self._folder, ports_of(self._folder).postgres)
        postgres.wait_for(process, service, dsn)

    def postgres_processes(self) -> list[psutil.Process]:
        """Return the server and what it started."""
        return _family(running(str(postgres.cluster_folder(self._folder))))

    def kafka_processes(self) -> list[psutil.Process]:
        """Return the broker."""
        return _family(running(str(kafka.properties_file(self._folder))))

    def kill_kafka(self) -> None:
        """End the broker with SIGKILL."""
        _kill(running(str(kafka.properties_file(self._folder))))

    def start_kafka(self) -> None:
        process, service, bootstrap = kafka.start(self._folder, TOOLS_DIR, ports_of(self._folder).kafka)
        kafka.wait_for(process, service, bootstrap)


@contextmanager
def services(folder: Path) -> Iterator[Services]:
    """Run both services while the block lasts."""
    try:
        yield Services(folder)
    finally:
        down(folder)


def stop_and_go(processes: list[psutil.Process], seconds: float) -> None:
    """Let processes stand still for a while: connections stay open, and nobody answers."""
    for number, wait_s in ((signal.SIGSTOP, seconds), (signal.SIGCONT, 0.0)):
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        time.sleep(wait_s)


def _family(found: list[psutil.Process]) -> list[psutil.Process]:
    return [*found, *(child for process in found for child in process.children(recursive=True))]


def _kill(found: list[psutil.Process]) -> None:
    """Kill processes and what they started, and wait until they are gone."""
    family = _family(found)
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(family, timeout=KILL_TIMEOUT_S)
