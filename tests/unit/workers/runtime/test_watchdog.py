"""A worker that gives no sign of life is ended, and says where it stood; one that does lives on."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

SCRIPT: Final = """
import re, time
from infra.metrics import WorkerMetrics
from workers.runtime import watchdog
watchdog.HUNG_AFTER_S, watchdog.LOOK_EVERY_S = 1.0, 0.1
metrics = WorkerMetrics("commands")
def decide_for_ever():
    {does}
with watchdog.ended_if_it_hangs(metrics):
    for _ in range(6):
        metrics.beat()
        time.sleep(0.3)
    if {hangs}:
        decide_for_ever()
print("done", flush=True)
time.sleep(1.5)
"""
TIMEOUT_S: Final = 60.0


def ran(*, hangs: bool, does: str = "pass") -> subprocess.CompletedProcess[str]:
    script = SCRIPT.format(hangs=hangs, does=does)
    return subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


@pytest.mark.parametrize(
    "does",
    ["while True: time.sleep(0.01)", "re.match('(a+)+$', 'a' * 60 + 'b')"],
    ids=["other threads have their turn", "no thread has its turn"],
)
def test_a_worker_that_hangs_is_ended(does: str) -> None:
    """Wherever it does: its exit code is not 0, and the last lines name the place."""
    hung = ran(hangs=True, does=does)

    assert hung.returncode == 1
    assert "decide_for_ever" in hung.stderr
    assert "done" not in hung.stdout


def test_a_worker_that_lives_is_left_alone() -> None:
    """However long it works, and afterwards."""
    lived = ran(hangs=False)

    assert (lived.returncode, lived.stdout, lived.stderr) == (0, "done\n", "")
