"""Start and stop the local stack: one PostgreSQL and one Kafka, with everything they write under one folder."""

from __future__ import annotations

import fcntl
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Final

import psutil
from pydantic import SecretStr

from infra.services import Addresses, DataFolderError, StackState, running_addresses
from infra.stack import kafka, postgres, state
from infra.stack.errors import EndedWhileStartingError, StackStartError
from infra.stack.ports import Ports, chosen_ports, ports_of, remember
from infra.stack.processes import stop

TOOLS_DIR: Final = Path(__file__).parents[2] / ".tools"
"""What is fetched once and shared by every data folder of this clone."""

ANY_PORTS: Final = Ports()
START_ATTEMPTS_MAX: Final = 3
SECOND_LOOK_AFTER_S: Final = 0.3
"""A start may be cut off between the birth of a process and the moment it bears its own name."""


def up(data_dir: Path, asked: Ports = ANY_PORTS, *, kafka_reached_at: int | None = None) -> Addresses:
    """Start the stack in ``data_dir`` and return where it answers; one that runs already is left as it is.

    What a crash left behind is stopped first. A start that fails or is interrupted stops what it had started.

    Args:
        data_dir: Everything that the services write is under it.
        asked: Ports to answer at; where none is asked for: those of before, if they are free.
        kafka_reached_at: The port that Kafka names to its clients, where something stands between; None: its own.
    Raises:
        StackStartError: A service did not start, a port asked for is taken, or the stack runs at another one.
        DownloadError: Kafka could not be fetched.
        DataFolderError: A file in ``data_dir`` cannot be written or read.
    """
    with usable(data_dir) as folder, _alone(folder), _ended_in_order():
        running = running_addresses(folder)
        if running is not None:
            _refuse_other_ports(ports_of(folder), asked)
            return running
        _clear(folder)
        try:
            return _start_with_retries(folder, asked, kafka_reached_at)
        except BaseException:
            _clear(folder)
            time.sleep(SECOND_LOOK_AFTER_S)
            _clear(folder)
            raise


def down(data_dir: Path) -> None:
    """Stop the stack in ``data_dir``; nothing happens where none runs. Its data stays.

    Raises:
        DataFolderError: A file in ``data_dir`` cannot be written or read.
    """
    if data_dir.exists():
        with usable(data_dir) as folder, _alone(folder):
            _clear(folder)


@contextmanager
def usable(data_dir: Path) -> Iterator[Path]:
    """Make the data folder and yield its whole path; what one of its files refuses is said in one sentence.

    Raises:
        DataFolderError: A file in it cannot be written or read.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        yield data_dir.resolve()
    except OSError as error:
        if error.filename is None:
            raise
        what = f"{data_dir} cannot be used for data ({error.strerror}: {error.filename})"
        raise DataFolderError(f"{what}; set RMA_DATA_DIR to a folder that you may write to") from error


def _refuse_other_ports(ports: Ports, asked: Ports) -> None:
    for name, port in asdict(asked).items():
        if port and port != (runs_at := asdict(ports)[name]):
            raise StackStartError(f"{name} runs already, at port {runs_at} and not {port}: run: rma down, then: rma up")


def remove_abandoned(parent: Path, prefix: str) -> None:
    """Stop and delete the stacks in ``parent`` named ``prefix`` and a process id, whose process is gone."""
    for folder in parent.glob(f"{prefix}*"):
        owner = folder.name.removeprefix(prefix)
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            down(folder)
            shutil.rmtree(folder, ignore_errors=True)


def _start_with_retries(folder: Path, asked: Ports, kafka_reached_at: int | None) -> Addresses:
    """Start both services; a port that somebody took in between is a reason to try again with others."""
    before = ports_of(folder)
    for attempt in range(1, START_ATTEMPTS_MAX + 1):
        try:
            return _start(folder, chosen_ports(asked, before), kafka_reached_at)
        except EndedWhileStartingError:
            _clear(folder)
            if attempt == START_ATTEMPTS_MAX:
                raise
        before = ANY_PORTS
    raise AssertionError("the last attempt returns or raises")


def _start(folder: Path, ports: Ports, kafka_reached_at: int | None) -> Addresses:
    postgres.programs()  # raises before Kafka is fetched where PostgreSQL cannot run
    broker, broker_service, bootstrap = kafka.start(folder, TOOLS_DIR, ports.kafka, reached_at=kafka_reached_at)
    database, database_service, dsn = postgres.start(folder, ports.postgres)  # while Kafka starts: it takes longer
    postgres.wait_for(database, database_service, dsn)
    kafka.wait_for(broker, broker_service, bootstrap)
    addresses = Addresses(SecretStr(dsn), bootstrap)
    processes = {"kafka": (broker.pid, broker_service.marker), "postgres": (database.pid, database_service.marker)}
    remember(folder, ports)
    state.write(folder, StackState(addresses, processes))
    return addresses


def _clear(folder: Path) -> None:
    state.remove(folder)
    stop(str(kafka.properties_file(folder)), kafka.STOP_SIGNAL)
    stop(str(postgres.cluster_folder(folder)), postgres.STOP_SIGNAL)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; it is freed by the system when its holder dies."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Let SIGTERM end the start as Ctrl-C does, so that nothing is left running; a caller's handler stays."""
    is_ours = (
        threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    )
    if is_ours:
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        if is_ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + signal.SIGTERM)
