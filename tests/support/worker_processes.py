"""Workers as whole processes, which a test may end, kill, freeze and start again.

They are forked from a process that has imported everything once: a start costs milliseconds, where a new interpreter
takes seconds of two cores that are busy with a dozen workers. `rma work all` in tests starts workers the long way.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess as ForkedProcess
from pathlib import Path
from threading import Event
from typing import Final

from infra.settings import Settings
from tests.support.pipeline import environment
from workers.cli.app import main as rma
from workers.registry import READ_MODELS, WORKERS, worker_named

EXIT_TIMEOUT_S: Final = 60.0
KINDS: Final = ("commands", "relay", *READ_MODELS)
PROCESSES: Final = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__, *(worker.runs.partition(":")[0] for worker in WORKERS)])


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
        self.settings = settings.model_copy(update={"instance": name})
        self._process: ForkedProcess | None = None

    @property
    def process(self) -> ForkedProcess:
        """The process started last."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process

    @property
    def runs(self) -> bool:
        return self.process.is_alive()

    def start(self) -> None:
        self._process = PROCESSES.Process(target=work, args=(self.kind, self.settings, self.log))
        self._process.start()

    def kill(self) -> None:
        """End it with SIGKILL, frozen or not: it gets no chance to finish anything."""
        if self._process is not None:
            self._process.kill()
            self._process.join(EXIT_TIMEOUT_S)

    def kill_and_start_again(self) -> None:
        """Kill it; it must not have ended before by itself."""
        assert self.runs, self.what_it_said()
        self.kill()
        self.start()

    def end(self) -> int | None:
        """Ask it to end, with SIGTERM, and return its exit code; None where it does not end."""
        self.process.terminate()
        self.process.join(EXIT_TIMEOUT_S)
        return self.process.exitcode

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def what_it_said(self, lines: int = 20) -> str:
        """Return the end of its log."""
        said = self.log.read_text() if self.log.exists() else ""
        return f"{self.name}:\n" + "\n".join(said.splitlines()[-lines:])

    def _signal(self, number: int) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)


def work(kind: str, settings: Settings, log: Path) -> None:
    """Be a worker, as its command line runs it, until the process ends."""
    with log.open("ab") as file:
        os.dup2(file.fileno(), sys.stderr.fileno())
    os.environ.update(environment(settings))
    sys.argv[1:] = ["work", *worker_named(kind).command]
    rma()


def serve(kind: str, settings: Settings) -> None:
    """Be a worker until killed."""
    worker_named(kind).run(settings, Event())


@contextmanager
def until_killed(target: Callable[..., None], *given: object) -> Iterator[ForkedProcess]:
    """Run a function as a process of its own until the block ends; then it is killed, without any warning."""
    process = PROCESSES.Process(target=target, args=given)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


@contextmanager
def processes(
    settings: Settings, folder: Path, kinds: Mapping[str, str] | Sequence[str] = tuple(KINDS)
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
            worker.kill()
