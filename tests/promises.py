"""The eight promises of docs/reliability.md, each broken on purpose: the test that is named has to turn red.

    python -m tests.promises

prints a table; exit code 1 where a test is red without the defect, or green with it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.logs import configure
from infra.stack.local import down, up
from tests.controls.planted import DEFECTS
from tests.controls.trying import EVENTS_TEST, LOG_TEST, PROJECTOR_TEST, RELAY_TEST, passes

COMMANDS_TEST: Final = "tests/integration/workers/command_worker/test_command_worker.py::"
BAD_INPUT_TEST: Final = "tests/integration/workers/command_worker/test_bad_input.py::"


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise, what breaks it (``tests/controls/planted.py``), and the test that is red then."""

    number: int
    broken_by: str
    test: str


PROMISES: Final = (
    Promise(1, "repeats_are_answered_anew", f"{COMMANDS_TEST}test_a_repeat_gets_the_first_answer_byte_for_byte"),
    Promise(2, "lost_appends_are_reported_as_made", f"{LOG_TEST}test_a_loser_writes_nothing"),
    Promise(3, "relay_skips_a_failed_send", f"{RELAY_TEST}test_a_delivery_error_stops_the_lane"),
    Promise(4, "batches_are_sent_in_another_order", f"{RELAY_TEST}test_everything_goes_out_once_and_in_order"),
    Promise(5, "no_epoch_check", f"{RELAY_TEST}test_a_zombie_relay_does_no_harm"),
    Promise(6, "no_version_guard", f"{PROJECTOR_TEST}test_an_event_published_twice_counts_once"),
    Promise(6, "gaps_are_passed_over", f"{PROJECTOR_TEST}test_a_gap_stops_the_partition_and_raises_an_alarm"),
    Promise(7, "malformed_records_are_dropped", f"{BAD_INPUT_TEST}test_a_dead_letter_says_where_it_came_from"),
    Promise(8, "added_fields_must_be_there", f"{EVENTS_TEST}test_an_example_is_read_and_written_alike"),
)


def main() -> int:
    """Return the exit code."""
    configure("console", "error")
    folder, kept = Path(tempfile.mkdtemp(prefix="rma-promises-")), True
    try:
        where = up(folder / "stack")
        print("| promise | broken by | test | as it is | broken |\n|---|---|---|---|---|", flush=True)
        for promise in PROMISES:
            sound, broken = (passes(promise.test, defect, where) for defect in (None, promise.broken_by))
            kept &= sound and not broken
            what = " ".join((DEFECTS[promise.broken_by].__doc__ or "").split())
            colours = " | ".join("green" if green else "red" for green in (sound, broken))
            print(f"| {promise.number} | {what} | `{promise.test.partition('::')[2]}` | {colours} |", flush=True)
    finally:
        down(folder / "stack")
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
