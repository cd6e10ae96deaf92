"""Start, recognise and stop processes of the local stack, and never anybody else's.

A process is ours when its command line holds a path inside our data directory as one whole argument. That holds after
a crash too, when nobody was left to write a process id down, and a process id given to another program never matches.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Final

import psutil

from domain.values import dataclass
from infra.stack.errors import EndedWhileStartingError, StackStartError

POLL_S: Final = 0.05
STOP_TIMEOUT_S: Final = 30.0
KILL_TIMEOUT_S: Final = 5.0
LOG_BYTES_READ_MAX: Final = 64 * 1024
COMPLAINT: Final = re.compile(r"FATAL|ERROR|Error|Exception|error:|PANIC|not found")
"""What a line of a log holds that says why its program ended."""


@dataclass(frozen=True)
class Account:
    """A user and group to run a process as; only root may choose other than its own (None)."""

    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Service:
    """One program of the stack.

    Args:
        name: What people call it.
        argv: Its command line; the program first, by absolute path.
        marker: The argument of ``argv`` that only this service of this data directory has.
        log: The file that takes its output.
        account: Who runs it.
        environment: Variables it has beside ours.
    """

    name: str
    argv: Sequence[str]
    marker: str
    log: Path
    account: Account = Account()
    environment: Mapping[str, str] = field(default_factory=dict)


_spawned: Final[dict[int, subprocess.Popen[bytes]]] = {}
"""Our own children, kept so that a finished one is reaped by whoever waits for it."""


def spawn(service: Service) -> psutil.Process:
    """Start a service in a session of its own, so that Ctrl-C in our terminal does not reach it."""
    child = _begin(service)
    _spawned[child.pid] = child
    return psutil.Process(child.pid)


def run_to_end(service: Service, timeout_s: float) -> None:
    """Run a program that prepares something; raises ``StackStartError`` where it fails or takes longer."""
    child = _begin(service)
    try:
        failed = child.wait(timeout_s) != 0
    finally:
        child.kill()
        child.wait()
    if failed:
        raise StackStartError(f"{service.name} failed: {complaint_in(service.log)}")


def _begin(service: Service) -> subprocess.Popen[bytes]:
    """Start a program with a fresh log; the log of the time before stays beside it."""
    if service.log.exists():
        service.log.replace(service.log.with_suffix(".log.before"))
    with service.log.open("wb") as log:
        return subprocess.Popen(  # noqa: S603  # the command line is our own
            service.argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=service.log.parent,
            env={**os.environ, **service.environment},
            start_new_session=True,
            user=service.account.uid,
            group=service.account.gid,
            extra_groups=service.account.groups,
        )


def running(marker: str) -> list[psutil.Process]:
    """Return the live processes whose command line holds ``marker`` as one whole argument."""
    return [found for found in psutil.process_iter() if _has(found, marker)]


def _has(process: psutil.Process, marker: str) -> bool:
    try:
        return marker in process.cmdline() and is_alive(process)
    except psutil.Error:
        return False


def is_alive(process: psutil.Process) -> bool:
    """Tell whether this very process (not a later one with its id) still runs."""
    child = _spawned.get(process.pid)
    if child is not None and child.poll() is not None:
        return False
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_ready(service: Service, process: psutil.Process, ready: Callable[[], bool], timeout_s: float) -> None:
    """Wait until a service answers.

    Raises:
        StackStartError: It ended, or did not answer within ``timeout_s`` seconds.
    """
    end = time.monotonic() + timeout_s
    while not ready():
        if not is_alive(process):
            raise EndedWhileStartingError(f"{service.name} ended while starting: {complaint_in(service.log)}")
        if time.monotonic() > end:
            found = complaint_in(service.log)
            raise StackStartError(f"{service.name} did not answer in {timeout_s:.0f} s: {found}")
        time.sleep(POLL_S)


def complaint_in(log: Path) -> str:
    """Return the last line of a log that says what went wrong, and where the rest stands."""
    lines = log.read_bytes()[-LOG_BYTES_READ_MAX:].decode(errors="replace").splitlines() if log.exists() else []
    said = [line.strip() for line in lines if line.strip()]
    complaints = [line for line in said if COMPLAINT.search(line)] or said or ["it said nothing"]
    return f"{complaints[-1]} (all of it: {log})"


def stop(marker: str, stop_signal: signal.Signals) -> None:
    """Stop every process that holds ``marker``: ask first, kill what does not listen."""
    found = running(marker)
    for process in found:
        _signal(process, stop_signal)
    _wait(found, STOP_TIMEOUT_S)
    left = [process for process in found if is_alive(process)]
    for process in left:
        _signal(process, signal.SIGKILL)
    _wait(left, KILL_TIMEOUT_S)


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)  # psutil compares the start time first: a reused process id is never hit
    except psutil.NoSuchProcess:
        return


def _wait(processes: Sequence[psutil.Process], timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while any(is_alive(process) for process in processes) and time.monotonic() < end:
        time.sleep(POLL_S)
    for process in processes:
        child = None if is_alive(process) else _spawned.pop(process.pid, None)
        if child is not None:
            child.wait()
