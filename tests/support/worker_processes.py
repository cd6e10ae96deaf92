"""Workers as whole processes, which a test may end, kill, freeze and start again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from infra.settings import Settings
from tests.support.pipeline import environment
from workers.registry import READ_MODELS, worker_named

EXIT_TIMEOUT_S: Final = 60.0
KINDS: Final = ("commands", "relay", *READ_MODELS)


class WorkerProcess:
    """One worker, as a process of its own whenever it runs; its log is one file over all its lives.

    Args:
        kind: One of ``KINDS``.
        name: Tells workers of one kind apart.
        settings: Of the system it works for.
        folder: Where its log goes.
    """

    def __init__(self, kind: str, name: str, settings: Settings, folder: Path) -> None:
        self.kind = kind
        self.name = name
        self.log = folder / f"{name}.log"
        self._arguments = [sys.executable, "-m", "workers.cli.app", "work", *worker_named(kind).command]
        self._environment = {**os.environ, **environment(settings), "RMA_INSTANCE": name}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process started last."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                self._arguments, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """End it with SIGKILL, frozen or not: it gets no chance to finish anything."""
        self.process.kill()
        self.process.wait(EXIT_TIMEOUT_S)

    def kill_and_start_again(self) -> None:
        """Kill it; it must not have ended before by itself."""
        assert self.runs, self.what_it_said()
        self.kill()
        self.start()

    def end(self) -> int:
        """Ask it to end, with SIGTERM, and return its exit code."""
        self.process.terminate()
        return self.process.wait(EXIT_TIMEOUT_S)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def what_it_said(self, lines: int = 20) -> str:
        """Return the end of its log."""
        return f"{self.name}:\n" + "\n".join(self.log.read_text().splitlines()[-lines:])


@contextmanager
def processes(
    settings: Settings, folder: Path, kinds: Mapping[str, str] | Sequence[str] = KINDS
) -> Iterator[dict[str, WorkerProcess]]:
    """Run one worker of each kind, or those named, until the block ends; hand them out by name.

    Args:
        settings: Of a system that is initialised.
        folder: Where their logs go.
        kinds: Kinds of which one is to run, or kinds by the names of those that are to run.
    """
    named = kinds if isinstance(kinds, Mapping) else {kind: kind for kind in kinds}
    workers = {name: WorkerProcess(kind, name, settings, folder) for name, kind in named.items()}
    try:
        for worker in workers.values():
            worker.start()
        yield workers
    finally:
        for worker in workers.values():
            if worker._process is not None:
                worker.kill()
