"""The system's workers as processes: killed, stopped, woken, and started again as a supervisor would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, RLock, Thread
from typing import Final

import httpx
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from infra.addresses import postgres_address
from infra.settings import Settings
from infra.stack.ports import free_ports
from workers.registry import worker_named
from workers.runtime.supervisor import SUPERVISED
from workers.trials.chaos.wrong_clock import CLOCK

PROGRAM: Final = (sys.executable, "-m", "workers.trials.chaos.wrong_clock")
"""What a worker's command line begins with; the words of ``rma`` follow."""

TWINS: Final = {
    "commands": 2,
    "relay": 2,
    "tracking": 2,
    "refund_ledger": 2,
    "return_reasons": 1,
    "deadlines": 1,
    "credit_notes": 1,
    "payments": 2,
    "auditor": 1,
    "vault": 1,
    "labels": 2,
    "webhooks": 2,
    "notices": 2,
}
"""How many of each worker run."""

END_TIMEOUT_S: Final = 30.0
RESTART_AFTER_S: Final = 0.5
LOOK_EVERY_S: Final = 0.1
HEALTH_TIMEOUT_S: Final = 5.0
SAID_LINES: Final = 12
DEPOSED: Final = "RelayDeposedError"


class WorkerProcess:
    """One worker, as a process of its own whenever it runs; its log is one file over all its lives."""

    def __init__(self, kind: str, name: str, settings: Settings, folder: Path, program: Sequence[str]) -> None:
        self.kind = kind
        self.name = name
        self.log = folder / f"{name}.log"
        self.clock = folder / f"{name}.clock"
        self.ended: list[str] = []
        """What it said each time it ended without having been told to."""
        dsn = SecretStr(make_conninfo(postgres_address(settings), application_name=name))
        self._settings = settings.model_copy(update={"instance": name, "postgres_dsn": dsn})
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._expected = False
        self._lock = RLock()
        self._start_at = 0.0

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        with self._lock:
            if self.runs:
                return
            self._let_go()
            environment = {**os.environ, **self._settings.as_environment(), SUPERVISED: "1", CLOCK: str(self.clock)}
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603 - our own command line
                    [*self._program, "work", *worker_named(self.kind).command],
                    stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment,
                )  # fmt: skip
            self._expected = True

    def kill(self) -> None:
        """End it with SIGKILL, stopped or not: it gets no chance to finish anything."""
        with self._lock:
            self._expected = False
            if self._process is not None:
                self._process.kill()
                self._process.wait(END_TIMEOUT_S)
                self._let_go()

    def stop(self) -> None:
        """Let it stand still."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._signal(signal.SIGCONT)

    def set_clock(self, ahead_s: float) -> None:
        """Let its wall clock be wrong by so much, now and after a restart."""
        draft = self.clock.with_suffix(".draft")
        draft.write_text(str(ahead_s))
        draft.replace(self.clock)

    def end(self) -> int | None:
        """Ask it to end, and return its exit code; None where it does not end in time, and is killed."""
        with self._lock:
            self._expected = False
            if self._process is None:
                return None
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
        try:
            return self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def look_after(self) -> None:
        """Start it again where it ended by itself, after a pause; what it said last is kept."""
        with self._lock:
            if not self._expected or self._process is None or self._process.poll() is None:
                return
            if not self._start_at:
                said = self.what_it_said()
                if DEPOSED not in said:  # a lead that was taken away ends a relay: so it is meant
                    self.ended.append(f"exit code {self._process.returncode}: {said}")
                self._start_at = time.monotonic() + RESTART_AFTER_S
            elif time.monotonic() > self._start_at:
                self._start_at = 0.0
                self.start()

    def is_at_work(self) -> bool:
        """Tell whether it lives and reaches the services, as it says itself."""
        base = f"http://127.0.0.1:{self._settings.metrics_port}"
        try:
            return all(httpx.get(base + path, timeout=HEALTH_TIMEOUT_S).is_success for path in ("/healthz", "/readyz"))
        except httpx.TransportError:
            return False

    def what_it_said(self) -> str:
        """Return the end of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-SAID_LINES:])

    def _let_go(self) -> None:
        """Close our end of the pipe by which a process that has ended would have heard of our own end."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def _signal(self, number: int) -> None:
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(number)


class Workers:
    """All workers, by name."""

    def __init__(self, settings: Settings, folder: Path, program: Sequence[str], twins: Mapping[str, int]) -> None:
        names = [(kind, f"{kind}-{number}") for kind, count in twins.items() for number in range(1, count + 1)]
        ports = free_ports(len(names))
        self.folder = folder
        self.environment = {**os.environ, **settings.as_environment()}
        self.by_name = {
            name: WorkerProcess(kind, name, settings.model_copy(update={"metrics_port": port}), folder, program)
            for (kind, name), port in zip(names, ports, strict=True)
        }

    @property
    def all(self) -> list[WorkerProcess]:
        return list(self.by_name.values())

    def ended(self) -> list[str]:
        """Return what workers said that ended without having been told to."""
        return [f"{worker.name} ended: {said}" for worker in self.all for said in worker.ended]


@contextmanager
def workers(
    settings: Settings, folder: Path, program: Sequence[str] = PROGRAM, twins: Mapping[str, int] = TWINS
) -> Iterator[Workers]:
    """Run the workers while the block lasts, starting again those that end."""
    folder.mkdir(parents=True, exist_ok=True)
    made, done = Workers(settings, folder, program, twins), Event()

    def look_after_all() -> None:
        while not done.wait(LOOK_EVERY_S):
            for worker in made.all:
                worker.look_after()

    watch = Thread(target=look_after_all, name="supervisor")
    try:
        for worker in made.all:
            worker.start()
        watch.start()
        yield made
    finally:
        done.set()
        if watch.ident is not None:
            watch.join()
        for worker in made.all:
            worker.kill()
