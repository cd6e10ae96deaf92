"""What a bench makes of its figures: which bound does not hold, and by how much."""

from __future__ import annotations

import time

import pytest

from workers.trials.bench import load
from workers.trials.bench.against import compare
from workers.trials.bench.decisions import PolicyReport, UnitsReport
from workers.trials.bench.http import HttpReport
from workers.trials.bench.latency import PER_SECOND, Latency, paced
from workers.trials.bench.pipeline import Report, Round
from workers.trials.bench.revision import RevisionUnusableError, commit_of
from workers.trials.bench.stages import Stage


def a_stage(seconds: float, *, name: str = "commands", cpu_seconds: float = 1.0) -> Stage:
    """A stage that handled 18,000 commands, all but the first 500 of them timed."""
    return Stage(
        name=name, unit="commands", items=18_000, timed=17_500, seconds=seconds, cpu_seconds=cpu_seconds,
        peak_bytes=100, began_at=0.0,
    )  # fmt: skip


def a_report(*rates: float, floor: float = 50_000.0) -> Report:
    """A bench in which 17,500 commands took so that there were so many a second, one figure a round."""
    return Report({}, [Round([a_stage(17_500 / rate)], floor) for rate in rates], Latency(500, [1.0, 2.0, 3.0]))


def test_a_stage_is_judged_by_its_share_of_the_floor() -> None:
    """Whoever reads exit code 1 reads why: which worker, what it carried of the floor's rows, what it has to."""
    slow = a_report(700.0, 100.0, 950.0)

    assert slow.missed == ["commands carries 0.014 of the floor's rows, 0.015 is the least"]
    assert (slow.as_data()["holds"], slow.as_data()["missed"]) == (False, slow.missed)


def test_a_slow_machine_is_not_a_slow_worker() -> None:
    """The same rate is enough where PostgreSQL alone takes half as much; of the rounds the middle one counts."""
    assert a_report(700.0, 100.0, 950.0, floor=25_000.0).missed == []
    assert a_report(750.0).missed == []
    assert UnitsReport(few_us=100.0, many_us=120.0).missed == []


def test_the_spread_of_the_rounds_is_told() -> None:
    """A figure without it says nothing of the next run."""
    [commands] = a_report(900.0, 100.0, 950.0).stages

    rates = {which: round(rate) for which, rate in commands.per_second.items()}
    assert rates == {"median": 900, "least": 100, "most": 950}
    assert commands.peak_bytes == 100


def test_commands_come_when_they_are_due_and_late_ones_at_once() -> None:
    """Each instant is fixed before; who is late waits for nobody, and no instant moves."""
    began = time.monotonic() - 3 / PER_SECOND
    commands = list(load.returns(6))[:6]
    came = [(record.command[1], time.monotonic() - began) for record in paced(commands, began)]

    assert [name for name, _ in came] == [command.id for command in commands]
    assert all(at >= number / PER_SECOND for number, (_, at) in enumerate(came))


def test_every_bench_says_which_bound_does_not_hold() -> None:
    """Those that decide in memory as well."""
    slow = PolicyReport(6_999.0, 20_000.0, 3_000.0, 10_000.0, 20, 1_000, "3.11")

    assert slow.missed == ["0.70 approvals to each time the policy is written and read, 0.7 is the least"]
    assert UnitsReport(few_us=100.0, many_us=150.0).missed == [
        "a line of many units costs 1.50 times what one of few does, 1.2 is the most"
    ]


def test_a_system_that_stands_still_makes_all_commands_late_that_were_due() -> None:
    """Latency is told by its middle, its 99th hundredth and its worst: a mean would hide a pause."""
    paused = Latency(500, sorted([10.0] * 980 + [float(late) for late in range(20, 1020, 50)]))

    assert (paused.p50_ms, paused.max_ms) == (10.0, 970.0)
    assert 400 < paused.p99_ms < 600


def test_the_door_is_held_to_three_bounds() -> None:
    """What a command over HTTP adds, and how long reads and pages take at a steady rate."""
    slow_ms, fast_ms = {"p50": 1.0, "p99": 160.0}, {"p50": 1.0, "p99": 50.0}
    asked = {"reads": 500, "per_second": 50}
    slow = HttpReport({}, slow_ms, slow_ms, added_ms=21.26, read_ms=slow_ms, page_ms=slow_ms, **asked)
    fast = HttpReport({}, slow_ms, slow_ms, added_ms=20.0, read_ms=fast_ms, page_ms={"p50": 1.0, "p99": 150.0}, **asked)

    assert slow.missed == [
        "a command over HTTP adds 21.3 ms, 20 is the bound",
        "p99 of reads at 50 a second is 160.0 ms, 50 is the bound",
        "p99 of pages at 50 a second is 160.0 ms, 150 is the bound",
    ]
    assert fast.missed == []


def test_two_revisions_are_compared_pair_by_pair() -> None:
    """A round in which the machine was slow says as much as any other: only what ran side by side is compared."""
    quiet = ([a_stage(5.0, cpu_seconds=1.0)], [a_stage(10.0, cpu_seconds=2.0)])
    busy = ([a_stage(50.0, cpu_seconds=3.0)], [a_stage(100.0, cpu_seconds=9.0)])
    odd = ([a_stage(5.0, cpu_seconds=1.0)], [a_stage(5.0, cpu_seconds=1.0)])

    [commands] = compare([quiet, busy, odd])

    assert {name: round(times, 6) for name, times in commands.times.items()} == {
        "median": 2.0, "least": 1.0, "most": 3.0,
    }  # fmt: skip
    assert [round(commands.middle(whose)["cpu_us"]) for whose in (0, 1)] == [57, 114]
    assert [round(commands.middle(whose)["per_second"]) for whose in (0, 1)] == [3_500, 1_750]


@pytest.mark.parametrize("revision", ["no-such-branch", "--upload-pack=evil", ""])
def test_a_revision_that_there_is_not_is_named(revision: str) -> None:
    """Nothing is run of it, and what looks like an option is none."""
    with pytest.raises(RevisionUnusableError) as refused:
        commit_of(revision)

    assert revision in str(refused.value)
