"""The services that everything stands on: where they are, and that one cannot be reached."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil
from pydantic import SecretStr

from domain.errors import RmaError, UnusableInputError
from domain.values import dataclass

NONE: Final = "no local stack runs in {}"


class ServiceUnreachableError(RmaError):
    """PostgreSQL or Kafka cannot be reached."""

    code = "service_unreachable"


class StackNotRunningError(ServiceUnreachableError):
    """No address was given and no local stack runs, or not all of it: ``stopped`` names what does not."""

    code = "stack_not_running"

    def __init__(self, data_dir: object, stopped: Sequence[str] = ()) -> None:
        what = f"{' and '.join(stopped)} of the local stack in {data_dir} stopped" if stopped else NONE.format(data_dir)
        super().__init__(f"{what}, run: rma up (or set RMA_POSTGRES_DSN and RMA_KAFKA_BOOTSTRAP)")


class PortTakenError(RmaError):
    """A port that a process was told to listen on cannot be had; ``says`` tells what to do."""

    code = "port_taken"

    def __init__(self, host: str, port: int, refused: OSError, says: str) -> None:
        super().__init__(f"port {port} of {host} cannot be had ({refused.strerror}): {says}")


class DataFolderError(UnusableInputError):
    """A file of the data folder cannot be read or written."""

    code = "data_folder_unusable"


FILE_NAME: Final = "stack.json"


@dataclass(frozen=True)
class Addresses:
    """Where PostgreSQL and Kafka are reached; what may hold a password shows as asterisks."""

    postgres_dsn: SecretStr
    kafka_bootstrap: str


@dataclass(frozen=True)
class StackState:
    """A started stack: its addresses, and of each process the id and the argument that marks it as ours."""

    addresses: Addresses
    processes: dict[str, tuple[int, str]]

    def is_running(self) -> bool:
        """Tell whether every process of the stack still runs, and is the one that was started."""
        return not self.stopped()

    def stopped(self) -> list[str]:
        """Return the names of those processes that do not run any more."""
        return [name for name, (pid, marker) in self.processes.items() if not _runs(pid, marker)]


def _runs(pid: int, marker: str) -> bool:
    try:
        return marker in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


def recorded_stack(data_dir: Path) -> StackState | None:
    """Return the state of the stack in ``data_dir``, or None where there is none that can be read."""
    try:
        found = json.loads((data_dir / FILE_NAME).read_text())
        processes = {name: (int(pid), str(marker)) for name, (pid, marker) in found["processes"].items()}
        where = found["addresses"]
        return StackState(Addresses(SecretStr(where["postgres_dsn"]), where["kafka_bootstrap"]), processes)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def running_addresses(data_dir: Path) -> Addresses | None:
    """Return the addresses of the stack in ``data_dir`` if it runs, else None."""
    state = recorded_stack(data_dir)
    return state.addresses if state is not None and state.is_running() else None
