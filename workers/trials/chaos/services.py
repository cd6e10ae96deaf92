"""PostgreSQL and Kafka of a run's own, which can be killed and come back at the same place, with what they hold.

Whoever is tried reaches them, and the vault, by ways that can be blocked; whoever looks on asks PostgreSQL itself.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from infra.services import Addresses
from infra.stack import kafka, postgres
from infra.stack.local import TOOLS_DIR, down, up
from infra.stack.ports import LOOPBACK, Ports, free_ports, ports_of
from infra.stack.processes import running
from workers.trials.chaos.disks import Disk, disk
from workers.trials.chaos.ways import Way, Ways, ways

KILL_TIMEOUT_S: Final = 10.0
ENDS_WITHIN_S: Final = 10.0
"""A service that ends for want of room has ended so long after there is room again."""
LOOK_EVERY_S: Final = 0.2
ON_DISKS: Final = ("postgres", "kafka")
"""The folders of a stack that may be disks."""


class Services:
    """Both services in a folder.

    Args:
        folder: Everything they write is under it.
        ways: Where ways to them are kept open.
        disks: Those of them that are disks, by the folder's name.
    """

    def __init__(self, folder: Path, ways: Ways, disks: Mapping[str, Disk]) -> None:
        self._folder = folder.resolve()
        self._disks = disks
        self.ways = ways
        [kafka_port] = free_ports(1)
        kafka_way = ways.to(kafka_port)
        self.where: Addresses = up(folder, Ports(kafka=kafka_port), kafka_reached_at=kafka_way.port)
        """Where they are for who looks on; whoever asks Kafka is sent on to its way."""
        postgres_port = ports_of(self._folder).postgres
        self.to: Mapping[str, Way] = {
            "postgres": ways.to(postgres_port), "kafka": kafka_way, "vault": ways.to(postgres_port),
        }  # fmt: skip
        """The ways; that to the vault leads to PostgreSQL, too, and stays open where the log's is blocked."""

    @property
    def by_ways(self) -> Addresses:
        """Where they are for who is tried."""
        return Addresses(self._dsn_by("postgres"), f"{LOOPBACK}:{self.to['kafka'].port}")

    @property
    def vault_dsn(self) -> SecretStr:
        """Where the vault is for who is tried."""
        return self._dsn_by("vault")

    def _dsn_by(self, way: str) -> SecretStr:
        return SecretStr(make_conninfo(self.where.postgres_dsn.get_secret_value(), port=self.to[way].port))

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

    def fill_postgres(self, seconds: float) -> None:
        """Leave the server no room for a while, and start it again where it ended for want of it."""
        with self._disks["postgres"].full():
            time.sleep(seconds)
        _start_again(self.postgres_processes, self.start_postgres)

    def fill_kafka(self, seconds: float) -> None:
        """Leave the broker no room for a while, for want of which it ends; start it again."""
        with self._disks["kafka"].full():
            time.sleep(seconds)
        _start_again(self.kafka_processes, self.start_kafka)

    def start_kafka(self) -> None:
        port, reached_at = ports_of(self._folder).kafka, self.to["kafka"].port
        process, service, bootstrap = kafka.start(self._folder, TOOLS_DIR, port, reached_at=reached_at)
        kafka.wait_for(process, service, bootstrap)


@contextmanager
def services(folder: Path, *, on_disks: bool = False) -> Iterator[Services]:
    """Run both services while the block lasts.

    Args:
        folder: Everything they write is under it.
        on_disks: Whether each writes to a disk in memory, which can be filled.
    Raises:
        DiskRefusedError: No disk can be mounted here.
    """
    with ExitStack() as opened:
        opened_ways = opened.enter_context(ways())
        disks = {name: opened.enter_context(disk(folder / name)) for name in ON_DISKS} if on_disks else {}
        opened.callback(down, folder)
        yield Services(folder, opened_ways, disks)


def stop_and_go(processes: list[psutil.Process], seconds: float) -> None:
    """Let processes stand still for a while: connections stay open, and nobody answers."""
    for number, wait_s in ((signal.SIGSTOP, seconds), (signal.SIGCONT, 0.0)):
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        time.sleep(wait_s)


def _start_again(processes: Callable[[], list[psutil.Process]], start: Callable[[], None]) -> None:
    """Start a service whenever it has ended, for as long as it takes until one that is to end has."""
    give_up_at = time.monotonic() + ENDS_WITHIN_S
    while time.monotonic() < give_up_at:
        if not processes():
            start()
            return
        time.sleep(LOOK_EVERY_S)


def _family(found: list[psutil.Process]) -> list[psutil.Process]:
    return [*found, *(child for process in found for child in process.children(recursive=True))]


def _kill(found: list[psutil.Process]) -> None:
    """Kill processes and what they started, and wait until they are gone."""
    family = _family(found)
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(family, timeout=KILL_TIMEOUT_S)
