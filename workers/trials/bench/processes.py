"""Workers as processes of their own, for as long as a bench runs, and the machine that they run on."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from typing import Final

import psutil
import psycopg

from infra.settings import Settings

STOP_TIMEOUT_S: Final = 20.0


class Workers:
    """Worker processes of the bench; all of them are ended with it."""

    def __init__(self, settings: Settings) -> None:
        own = settings.model_copy(update={"log_level": "warning", "metrics_port": 0})
        self._environment = {**os.environ, **own.as_environment()}
        self._processes: list[psutil.Popen] = []

    def __enter__(self) -> Workers:
        return self

    def start(self, name: str) -> psutil.Popen:
        process = psutil.Popen(
            [sys.executable, "-m", "workers.cli.app", "work", *name.split()],
            env=self._environment,
            stdin=subprocess.DEVNULL,
        )
        self._processes.append(process)
        return process

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
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
        "machine": platform.machine(),
        "python": platform.python_version(),
        "postgresql": row[0],
        "fsync": row[1],
        "kafka": "one node, KRaft, on the same machine",
    }
