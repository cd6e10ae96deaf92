"""The file in which a running local stack says where it can be reached."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

FILE_NAME: Final = "stack.json"


@dataclass(frozen=True)
class Addresses:
    """Where PostgreSQL and Kafka are reached."""

    postgres_dsn: str
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


def write(data_dir: Path, state: StackState) -> None:
    """Replace the state file in one step; only its owner may read it, because it holds a password."""
    target = data_dir / FILE_NAME
    draft = target.with_suffix(".tmp")
    draft.touch(mode=0o600)
    with draft.open("w") as file:
        json.dump(asdict(state), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target)


def read(data_dir: Path) -> StackState | None:
    """Return the state of the stack in ``data_dir``, or None where there is none that can be read."""
    try:
        found = json.loads((data_dir / FILE_NAME).read_text())
        processes = {name: (int(pid), str(marker)) for name, (pid, marker) in found["processes"].items()}
        return StackState(Addresses(**found["addresses"]), processes)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove(data_dir: Path) -> None:
    """Forget the stack in ``data_dir``."""
    (data_dir / FILE_NAME).unlink(missing_ok=True)


def running_addresses(data_dir: Path) -> Addresses | None:
    """Return the addresses of the stack in ``data_dir`` if it runs, else None."""
    state = read(data_dir)
    return state.addresses if state is not None and state.is_running() else None
