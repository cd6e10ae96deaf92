"""The supervisor's promises, on real processes: started again so often and no more, and all stopped in the end."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest

from workers.runtime.supervisor import RESTARTS_MAX, Child, WorkerGaveUpError, stop_all, supervise

WAIT_MAX_S = 30.0
STOPS_AT_THE_END_OF_ITS_INPUT = (
    "import time; from workers.runtime.supervisor import stop_when_supervisor_ends as w; w();"
    "print('ready', flush=True);"
    "time.sleep(600)"
)


def python(code: str) -> Child:
    return Child("trial", [sys.executable, "-c", code], backoff_s=0.01)


def lines(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_a_worker_that_keeps_crashing_is_given_up(tmp_path: Path) -> None:
    """It is started once and then again ``RESTARTS_MAX`` times; its last exit code is told."""
    log = tmp_path / "starts"
    child = python(f"open({str(log)!r}, 'a').write('x\\n'); raise SystemExit(3)")

    with pytest.raises(WorkerGaveUpError) as gave_up:
        supervise([child], Event())

    assert gave_up.value.exit_code == 3
    assert lines(log) == RESTARTS_MAX + 1


def test_a_worker_that_keeps_being_killed_is_not_given_up(tmp_path: Path) -> None:
    """What kills it may be a record, or the system short of memory: nobody else is stopped for that."""
    log = tmp_path / "starts"
    child, stop = python(f"import os; open({str(log)!r}, 'a').write('x\\n'); os.kill(os.getpid(), 9)"), Event()
    thread = Thread(target=supervise, args=([child], stop))
    thread.start()
    until = time.monotonic() + WAIT_MAX_S
    while lines(log) <= RESTARTS_MAX + 1 and thread.is_alive() and time.monotonic() < until:
        time.sleep(0.01)
    stop.set()
    thread.join()

    assert lines(log) > RESTARTS_MAX + 1


def test_all_workers_stop_when_one_is_given_up() -> None:
    """A system with a part missing is not left running."""
    steady = python("import time; time.sleep(600)")
    crashing = python("raise SystemExit(1)")

    with pytest.raises(WorkerGaveUpError):
        supervise([steady, crashing], Event())

    assert steady.process is not None
    assert steady.process.poll() is not None


def test_a_worker_that_was_killed_is_started_again() -> None:
    """A crash of one worker is repaired without anybody's help."""
    child, stop = python("import time; time.sleep(600)"), Event()
    thread = Thread(target=supervise, args=([child], stop))
    thread.start()
    try:
        first = _pid_other_than(child, None)
        os.kill(first, 9)
        second = _pid_other_than(child, first)
    finally:
        stop.set()
        thread.join()

    assert second != first
    assert not psutil.pid_exists(second)


def _pid_other_than(child: Child, known: int | None) -> int:
    until = time.monotonic() + WAIT_MAX_S
    while time.monotonic() < until:
        process = child.process
        if process is not None and process.pid != known:
            return process.pid
        time.sleep(0.01)
    raise AssertionError("no process was started")


def test_a_worker_ends_when_its_supervisor_is_gone() -> None:
    """The end of its input is enough, however the supervisor ended."""
    child = python(STOPS_AT_THE_END_OF_ITS_INPUT)
    child.start()
    process = child.process
    assert process is not None
    assert process.stdin is not None

    process.stdin.close()  # what the system does for a supervisor that was killed

    assert process.wait(WAIT_MAX_S) != 0


def test_a_worker_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopping ends within its bound even if a worker ignores SIGTERM."""
    monkeypatch.setattr("workers.runtime.supervisor.STOP_TIMEOUT_S", 0.2)
    ready = "import signal, time, sys; signal.signal(15, signal.SIG_IGN); sys.stdout.write('x'); time.sleep(600)"
    child = python(ready)
    child.start()
    assert child.process is not None
    time.sleep(0.5)  # it has to have asked not to be told; if it has not yet, SIGTERM ends it all the same

    stop_all([child])

    assert child.process.poll() is not None
