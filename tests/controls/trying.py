"""How each defect is tried, and what finds it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.services import Addresses
from tests.controls.planted import DEFECTS
from workers.trials.chaos.run import Plan, run_chaos
from workers.trials.chaos.schedule import FaultKind

CLONE: Final = Path(__file__).parents[2]
SEED: Final = 1
TWINS: Final = {
    "commands": 2,
    "relay": 2,
    "tracking": 1,
    "refund_ledger": 1,
    "return_reasons": 1,
    "deadlines": 1,
    "credit_notes": 1,
    "payments": 1,
}
SETTLED_WITHIN_S: Final = 25.0
LOAD_S: Final = 20.0
TEST_TIMEOUT_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Try:
    """How a defect is tried: by a chaos run with so many faults of these kinds, or by a test that is there anyway."""

    faults: int = 0
    kinds: Mapping[FaultKind, int] | None = None
    test: str | None = None
    workers: Sequence[str] = ()
    """Kinds of worker that are hit; none named: all."""
    over_s: float | None = None
    """Over how long the faults are spread, so that who was hit works again before the next; None: as they come."""
    beside: Sequence[str] = ()
    """Kinds of worker that run beside those of every try."""

    def __str__(self) -> str:
        if self.test:
            return f"`{self.test.partition('::')[2]}`"
        whom = f" of {', '.join(self.workers)}" if self.workers else ""
        over = f" over {self.over_s:.0f} s" if self.over_s else ""
        return f"chaos, {self.faults} × {', '.join(self.kinds or {})}{whom}{over}" if self.faults else "chaos, no fault"


RELAY_TEST: Final = "tests/integration/workers/test_relay.py::"
PROJECTOR_TEST: Final = "tests/integration/workers/projector/test_projector.py::"
LOG_TEST: Final = "tests/integration/infra/log/test_event_log.py::"
EVENTS_TEST: Final = "tests/unit/domain/test_event_examples.py::"

TRIES: Final[dict[str, Try]] = {
    "offset_before_the_work": Try(12, {"kill": 1}, workers=("commands",)),
    "position_outside_the_transaction": Try(10, {"kill": 1}, workers=("refund_ledger", "return_reasons"), over_s=60),
    "relay_skips_a_failed_send": Try(2, {"kill_kafka": 1}),
    "relay_moves_before_kafka_has_it": Try(12, {"kill": 1}, workers=("relay",)),
    "no_epoch_check": Try(test=f"{RELAY_TEST}test_a_zombie_relay_does_no_harm"),
    "dedupe_window": Try(),
    "no_version_guard": Try(test=f"{PROJECTOR_TEST}test_an_event_published_twice_counts_once"),
    "gaps_are_passed_over": Try(test=f"{PROJECTOR_TEST}test_a_gap_stops_the_partition_and_raises_an_alarm"),
    "lost_appends_are_reported_as_made": Try(test=f"{LOG_TEST}test_a_loser_writes_nothing"),
    "deadlines_fire_twice": Try(),
    "payouts_are_asked_under_new_keys": Try(),
    "fees_are_rounded_down": Try(),
    "outbox_is_emptied_before_it_is_sent": Try(12, {"kill": 1}, workers=("relay",)),
    "repeats_are_answered_anew": Try(),
    "projector_skips_what_fails": Try(8, {"cut_sessions": 1}),
    "command_worker_skips_what_fails": Try(8, {"cut_sessions": 1}),
    "batches_are_sent_in_another_order": Try(),
    "entries_are_one_sided": Try(),
    "malformed_records_are_dropped": Try(),
    "added_fields_must_be_there": Try(test=f"{EVENTS_TEST}test_an_example_is_read_and_written_alike"),
    "webhooks_that_fail_count_as_sent": Try(beside=("webhooks",)),
    "letters_that_are_refused_count_as_sent": Try(beside=("notices",)),
    "labels_are_asked_for_under_new_ids": Try(beside=("labels",)),
}


def find(name: str, data_dir: Path, where: Addresses | None, tell: Callable[[str], None]) -> dict[str, str]:
    """Plant a defect and return what finds it: the first difference by check; nothing: nobody does.

    Args:
        name: Of the defect.
        data_dir: Where a chaos run puts what it needs.
        where: Services for a test; None: it starts its own.
        tell: Hears how it goes.
    """
    how = TRIES[name]
    if how.test is not None:
        assert passes(how.test, None, where), f"{how.test} fails without any defect"
        return {} if passes(how.test, name, where) else {"its own test": how.test}
    plan = Plan(
        how.faults,
        SEED,
        duration_s=how.over_s,
        weights=how.kinds or {"kill": 1},
        twins=(TWINS if how.faults else dict.fromkeys(TWINS, 1)) | dict.fromkeys(how.beside, 1),
        program=(sys.executable, "-c", f"{_planting(name)}; from workers.cli.app import main; main()"),
        hit=how.workers,
        settled_within_s=SETTLED_WITHIN_S,
        load_at_least_s=LOAD_S,
    )
    report = run_chaos(data_dir, plan, tell)
    return {check: found[0] for check, found in report.differences.items() if found}


def _planting(name: str) -> str:
    assert name in DEFECTS
    path = f"import sys; sys.path.insert(0, {str(CLONE)!r})"
    return f"{path}; from tests.controls.planted import DEFECTS; DEFECTS[{name!r}]()"


def passes(test: str, defect: str | None, where: Addresses | None) -> bool:
    """Tell whether a test is green with a defect planted, or with None as it is; one that hangs is not."""
    plant = _planting(defect) if defect else "import sys"
    run = f"{plant}; import pytest; sys.exit(pytest.main(['-q', '-x', '-p', 'no:cacheprovider', {test!r}]))"
    given = {} if where is None else {
        "RMA_POSTGRES_DSN": where.postgres_dsn.get_secret_value(), "RMA_KAFKA_BOOTSTRAP": where.kafka_bootstrap,
    }  # fmt: skip
    try:
        done = subprocess.run(  # noqa: S603 - our own command line
            [sys.executable, "-c", run], cwd=CLONE, env={**os.environ, **given}, capture_output=True,
            timeout=TEST_TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    assert done.returncode in {0, 1}, done.stdout.decode()[-2_000:]
    return done.returncode == 0
