"""PostgreSQL and Kafka of a run's own, which can be killed and come back at the same place, with what they hold.

Whoever is tried reaches them, and the vault, by ways that can be blocked; whoever looks on asks PostgreSQL itself.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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
from workers.trials.chaos.ways import Way, Ways, ways

KILL_TIMEOUT_S: Final = 10.0


class Services:
    """Both services in a folder.

    Args:
        folder: Everything they write is under it.
        ways: Where ways to them are kept open.
    """

    def __init__(self, folder: Path, ways: Ways) -> None:
        self._folder = folder.resolve()
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

    def start_kafka(self) -> None:
        port, reached_at = ports_of(self._folder).kafka, self.to["kafka"].port
        process, service, bootstrap = kafka.start(self._folder, TOOLS_DIR, port, reached_at=reached_at)
        kafka.wait_for(process, service, bootstrap)


@contextmanager
def services(folder: Path) -> Iterator[Services]:
    """Run both services while the block lasts."""
    with ways() as opened:
        try:
            yield Services(folder, opened)
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
