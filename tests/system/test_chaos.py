"""Sixty faults on two cores: workers killed and frozen, services killed, sessions cut, and nothing shows."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from workers.trials.chaos.disks import DiskRefusedError
from workers.trials.chaos.run import Plan, run_chaos
from workers.trials.chaos.schedule import ON_DISKS

SEED: Final = 20_261_126
FAULTS: Final = 60
DISKS: Final = Plan(len(ON_DISKS), 4, duration_s=20, weights=ON_DISKS)
"""Fills each disk once, PostgreSQL's while commands still come through Kafka."""


def test_sixty_faults_do_not_show(tmp_path: Path) -> None:
    """All eight promises hold after sixty faults; what does not is named with the seed that brings it again."""
    report = run_chaos(tmp_path, Plan(FAULTS, SEED), print)

    assert report.holds, f"seed {report.seed}: {report.first_difference}; {report.folder}"
    assert sum(report.faults.values()) == FAULTS
    assert report.counts.events_repeated + report.counts.answers_repeated > 0


def test_full_disks_do_not_show(tmp_path: Path) -> None:
    """Each service's in turn; skipped where nobody may mount one."""
    try:
        report = run_chaos(tmp_path, DISKS, print)
    except DiskRefusedError as refused:
        pytest.skip(str(refused))

    assert report.holds, f"seed {report.seed}: {report.first_difference}; {report.folder}"
    assert report.faults == dict.fromkeys(ON_DISKS, 1)
