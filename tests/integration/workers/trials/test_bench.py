"""The bench measures every stage, its floor and its latency, and draws them."""

from __future__ import annotations

from pathlib import Path

from infra.settings import Settings
from workers.trials.bench.chart import draw
from workers.trials.bench.latency import PER_SECOND
from workers.trials.bench.load import COMMANDS_PER_RETURN
from workers.trials.bench.pipeline import run_pipeline
from workers.trials.bench.stages import TOGETHER

RETURNS = 300
SECONDS = 1


def test_every_stage_is_measured_and_drawn(settings: Settings, tmp_path: Path) -> None:
    """Each round has all of them and a floor; each command of the steady rate has its time; the picture names them."""
    report = run_pipeline(settings, lambda _: None, returns=RETURNS, rounds=1, seconds=SECONDS)
    draw(report, tmp_path / "bench.svg")

    names = ["commands", "relay", "tracking", "refund_ledger", "return_reasons", TOGETHER]
    assert [stage.name for stage in report.stages] == names
    assert report.stages[0].stages[0].items == RETURNS * COMMANDS_PER_RETURN
    assert report.stages[0].per_second["median"] > 0
    assert all(stage.peak_bytes > 0 for stage in report.stages)
    assert report.floor_per_second["median"] > report.stages[0].per_second["median"]
    assert len(report.latency.times_ms) == PER_SECOND * SECONDS
    assert 0 < report.latency.p50_ms <= report.latency.p99_ms <= report.latency.max_ms
    assert "<svg" in (tmp_path / "bench.svg").read_text()
