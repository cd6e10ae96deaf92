"""`rma bench rebuild` fills each read model anew, as its own process, while its projector works."""

from __future__ import annotations

from infra.settings import Settings
from workers.registry import READ_MODELS
from workers.trials.bench.rebuilds import run_rebuilds

RETURNS = 20
EVENTS_EACH = 18


def test_each_read_model_is_filled_anew_and_measured(settings: Settings) -> None:
    """Each has its time, its processor time and its memory, and the events are all there are."""
    report = run_rebuilds(settings, lambda _: None, returns=RETURNS)

    assert [one.name for one in report.rebuilds] == list(READ_MODELS)
    for one in report.rebuilds:
        assert one.events >= RETURNS * EVENTS_EACH
        assert one.seconds > 0
        assert one.cpu_us > 0
        assert one.peak_bytes > 0
