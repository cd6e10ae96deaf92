"""Workers as processes of their own, for as long as a bench runs, and the machine that they run on."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import psycopg

from infra.settings import Settings

STOP_TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Program:
    """A checkout of this program: the Python that has its libraries, and its folder."""

    python: str = sys.executable
    folder: Path | None = None
    """None: wherever this process is."""


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the environment of this checkout's workers: these settings, and no log line that is no warning."""
    own = settings.model_copy(update={"log_level": "warning", "metrics_port": 0})
    return {**os.environ, **own.as_environment()}


class Workers:
    """Worker processes of the bench; all of them are ended with it."""

    def __init__(self, environment: Mapping[str, str], program: Program = Program()) -> None:
        self._program = program
        self._environment = environment
        self._processes: list[psutil.Popen] = []

    def __enter__(self) -> Workers:
        return self

    def start(self, name: str) -> psutil.Popen:
        """Start a worker."""
        return self.begin("work", *name.split())

    def begin(self, *arguments: str) -> psutil.Popen:
        """Start a command of `rma`."""
        process = psutil.Popen(
            [self._program.python, "-m", "workers.cli.app", *arguments],
            cwd=self._program.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
        )
        self._processes.append(process)
        return process

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            with suppress(psutil.NoSuchProcess):  # what was begun may have ended by itself
                process.terminate()
        for process in self._processes:
            try:
                process.wait(STOP_TIMEOUT_S)
            except psutil.TimeoutExpired:
                process.kill()


def conditions(connection: psycopg.Connection) -> dict[str, object]:
    """Return what a figure depends on beside the load."""
    [row] = connection.execute("SELECT current_setting('server_version'), current_setting('fsync')").fetchall()
    return {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "postgresql": row[0],
        "fsync": row[1],
        "log_level": "warning",
        "kafka": "one node, KRaft, on the same machine",
    }
