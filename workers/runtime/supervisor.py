"""`rma work all`: every worker as its own process, started again when it crashes, and never left behind.

Each child reads a pipe whose other end only the supervisor holds. However the supervisor ends, even by ``kill -9``, the
system closes that end, the child reads the end of its input and stops.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Final

import structlog

SUPERVISED: Final = "_RMA_SUPERVISED"
"""Set for children: their standard input ends when the supervisor does."""

RESTARTS_MAX: Final = 5
"""How often in a row a worker that ended by itself is started again; one that ran for ``HEALTHY_S`` begins anew.

One that was killed is started again without end: a record may have killed it, and is parked after a few times.
"""
HEALTHY_S: Final = 60.0
BACKOFF_S: Final = 0.5
BACKOFF_MAX_S: Final = 15.0
LOOK_EVERY_S: Final = 0.1
STOP_TIMEOUT_S: Final = 20.0
"""How long a worker may take to finish its batch before it is killed."""
KILL_TIMEOUT_S: Final = 5.0

LOG = structlog.get_logger()


class WorkerGaveUpError(Exception):
    """A worker crashed more often than it may; ``exit_code`` is its last one."""

    def __init__(self, name: str, exit_code: int) -> None:
        super().__init__(f"worker {name} ended {RESTARTS_MAX + 1} times in a row, last with exit code {exit_code}")
        self.exit_code = exit_code


@dataclass(slots=True)
class Child:
    """One worker, its process, and how often in a row it crashed: was killed, or ended by itself."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    backoff_s: float = BACKOFF_S
    """Pause before the first start anew; it doubles with every further one in a row, up to ``BACKOFF_MAX_S``."""
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    crashes: int = 0
    ends: int = 0
    """How many of its crashes were no kills."""
    start_at: float = 0.0

    def start(self) -> None:
        """Start the worker as a process of its own."""
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own command line
            self.argv,
            stdin=subprocess.PIPE,
            env={**os.environ, **self.environment, SUPERVISED: "1"},
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then stops all in order
        )
        LOG.info("worker_started", worker=self.name, pid=self.process.pid)

    def look(self) -> None:
        """Start the process when it is time to, and note when it ended; raises ``WorkerGaveUpError``."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.start_at:
                self.start()
            return
        exit_code = self.process.poll()
        if exit_code is None:
            return
        self._close_pipe()
        self.process = None
        if now - self.started_at >= HEALTHY_S:
            self.crashes = self.ends = 0
        self.crashes += 1
        self.ends += exit_code >= 0
        if self.ends > RESTARTS_MAX:
            raise WorkerGaveUpError(self.name, exit_code)
        pause_s = min(BACKOFF_MAX_S, self.backoff_s * 2 ** min(self.crashes - 1, RESTARTS_MAX))
        self.start_at = now + pause_s
        LOG.warning("worker_ended", worker=self.name, exit_code=exit_code, crashes=self.crashes, pause_s=pause_s)

    def ask_to_stop(self) -> None:
        """Ask the worker to finish its batch and end."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def wait(self, until: float) -> None:
        """Wait for the end until an instant of the monotonic clock, then kill."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            LOG.error("worker_killed", worker=self.name, pid=self.process.pid)  # noqa: TRY400 - no traceback wanted
            self.process.kill()
            self.process.wait(KILL_TIMEOUT_S)
        self._close_pipe()

    def _close_pipe(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()


def supervise(children: Sequence[Child], stop: Event) -> None:
    """Keep every worker running until ``stop`` is set; on any way out, all of them are stopped.

    Raises:
        WorkerGaveUpError: One crashed more often than it may.
    """
    try:
        while not stop.is_set():
            for child in children:
                child.look()
            stop.wait(LOOK_EVERY_S)
    finally:
        stop_all(children)


def stop_all(children: Sequence[Child]) -> None:
    """Ask every worker to finish its batch, then kill those that don't."""
    for child in children:
        child.ask_to_stop()
    until = time.monotonic() + STOP_TIMEOUT_S
    for child in children:
        child.wait(until)


def command_line(*arguments: str) -> list[str]:
    """Return the command line that runs ``rma`` with these arguments under this very interpreter."""
    return [sys.executable, "-m", "workers.cli.app", *arguments]


def stop_when_supervisor_ends() -> None:
    """In a child: end as on SIGTERM when the supervisor is gone, and for certain once the time to stop is over."""
    if os.environ.get(SUPERVISED):
        threading.Thread(target=_watch, name="supervisor-watch", daemon=True).start()


def _watch() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass  # nothing is ever written; only the end counts
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_TIMEOUT_S)
    os._exit(1)
