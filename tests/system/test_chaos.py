"""Sixty faults on two cores: workers killed and frozen, services killed, sessions cut, and nothing shows."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from workers.trials.chaos.run import Plan, run_chaos

SEED: Final = 20_261_126
FAULTS: Final = 60


def test_sixty_faults_do_not_show(tmp_path: Path) -> None:
    """All eight promises hold after sixty faults; what does not is named with the seed that brings it again."""
    report = run_chaos(tmp_path, Plan(FAULTS, SEED), print)

    assert report.holds, f"seed {report.seed}: {report.first_difference}; {report.folder}"
    assert sum(report.faults.values()) == FAULTS
    assert report.counts.events_repeated + report.counts.answers_repeated > 0
