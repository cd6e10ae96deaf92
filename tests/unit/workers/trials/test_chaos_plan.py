"""A seed says all: load and faults of a chaos run come again as they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from commands.registry import REGISTRATIONS
from infra.envelope.command_record import read_command
from infra.settings import Settings
from tests.support.every_worker import with_work_for_all
from workers.cli.chaos import again
from workers.registry import WORKERS
from workers.trials.chaos.load import COMES_AFTER_S, EXAMPLES, LEFT_OUT, POLICIES, Sent, first, load
from workers.trials.chaos.run import Plan, _for_nobody_but
from workers.trials.chaos.schedule import FULL_S, ON_DISKS, WEIGHTS, UnknownFaultError, kinds_named

RECORDS = 8_000
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def load_of(seed: int, count: int) -> Iterator[Sent]:
    return load(seed, count, now=NOW, lasts_s=20.0)


def test_the_same_seed_says_the_same() -> None:
    """Load and schedule are equal for one seed, and others for another."""
    assert list(load_of(7, 500)) == list(load_of(7, 500))
    assert list(load_of(7, 500)) != list(load_of(8, 500))
    assert Plan(50, 7).schedule() == Plan(50, 7).schedule()
    assert Plan(50, 7).schedule() != Plan(50, 8).schedule()


def test_a_duration_spreads_the_same_faults() -> None:
    """Only when they come changes."""
    drawn, spread = Plan(40, 7).schedule(), Plan(40, 7, duration_s=400).schedule()

    assert [(fault.kind, fault.targets) for fault in drawn] == [(fault.kind, fault.targets) for fault in spread]
    assert spread[-1].at_s == pytest.approx(400)


def test_every_kind_of_fault_comes() -> None:
    """Two thousand faults hold each kind, and every worker is hit."""
    drawn = Plan(2_000, 1).schedule()

    assert {fault.kind for fault in drawn} == set(WEIGHTS)
    hit = Counter(target for fault in drawn for target in fault.targets)
    assert {name.rpartition("-")[0] for name in hit} >= set(Plan(1, 1).twins)


def test_a_kind_that_does_not_exist_is_said() -> None:
    """``--only`` takes kinds that there are."""
    assert kinds_named(["kill"]) == {"kill": WEIGHTS["kill"]}
    with pytest.raises(UnknownFaultError, match="there is no fault earthquake; there are kill,"):
        kinds_named(["earthquake"])


def test_disks_are_filled_where_that_is_asked_for() -> None:
    """Not everybody may mount one, so that the same seed is the same faults everywhere else."""
    assert kinds_named([]) == WEIGHTS
    assert kinds_named([], full_disks=True) == {**WEIGHTS, **ON_DISKS}
    assert kinds_named(["fill_kafka"]) == {"fill_kafka": ON_DISKS["fill_kafka"]}
    drawn = Plan(500, 1, weights=kinds_named([], full_disks=True)).schedule()
    assert {fault.kind for fault in drawn} == {*WEIGHTS, *ON_DISKS}
    full = [fault.lasts_s for fault in drawn if fault.kind in ON_DISKS]
    assert FULL_S[0] <= min(full) <= max(full) <= FULL_S[1]


@pytest.mark.parametrize(
    "words",
    [
        "--faults 60 --seed 1",
        "--faults 9 --seed 4 --duration 30.5 --only kill --only fill_kafka",
        "--faults 5 --seed 2 --full-disks",
    ],
)
def test_a_run_that_failed_says_how_it_is_run_again(words: str) -> None:
    """With all that chose its faults."""
    given = dict(zip(words.split()[::2], words.split()[1::2], strict=False))
    only = [kind for kind in ("kill", "fill_kafka") if f"--only {kind}" in words]
    duration_s = float(given["--duration"]) if "--duration" in given else None
    weights = kinds_named(only, full_disks="--full-disks" in words)
    plan = Plan(int(given["--faults"]), int(given["--seed"]), duration_s=duration_s, weights=weights)

    assert again(plan) == f"rma chaos {words}"


def test_the_load_holds_every_command_and_every_nuisance() -> None:
    """All commands but those that hold for everybody, repeats, ids used twice, records that cannot be read."""
    told = list(load_of(1, RECORDS))

    assert {sent.type for sent in told} - {"malformed"} == set(orjson.loads(EXAMPLES.read_bytes())) - LEFT_OUT
    assert {f"rma.{name}.v1" for name in LEFT_OUT} <= set(REGISTRATIONS)
    kinds = Counter(sent.kind for sent in told)
    assert kinds.keys() == {"command", "repeat", "reused_id", "malformed"}
    assert min(kinds.values()) > RECORDS // 200
    assert [sent.number for sent in told] == list(range(len(POLICIES), RECORDS + len(POLICIES)))
    assert [sent.number for sent in first(1)] == list(range(len(POLICIES)))


def test_what_is_marked_malformed_cannot_be_read() -> None:
    """And a record that names a command names the one that it is known by."""
    for sent in load_of(1, 2_000):
        read = read_command(sent.marked, sent.value)
        if sent.kind != "malformed":
            assert (read.attributes["source"], read.attributes["id"]) == sent.command
        elif sent.command is None:
            assert "id" not in read.attributes


def test_deadlines_come_while_the_run_lasts() -> None:
    """One that was past when it was recorded is never fired, so that time is given until instants that are to come."""
    bodies = (orjson.loads(sent.value or b"") for sent in load_of(1, 2_000) if sent.kind == "command")
    given = [event["data"] for event in bodies if event["data"].get("reason") == "a holiday"]
    first_at = NOW + timedelta(seconds=COMES_AFTER_S)

    assert len(given) > 20
    assert all(
        timedelta() <= datetime.fromisoformat(one["due_at"]) - first_at <= timedelta(seconds=20) for one in given
    )


def test_nobody_is_waited_for_who_does_not_run() -> None:
    """Who is not among a plan's workers has nothing to do: what he would have to read is left for nobody."""
    settings = _for_nobody_but({"commands", "labels"}, with_work_for_all(Settings()))

    wanted = [worker.name for worker in WORKERS if worker.needs and worker.wanted(settings)]
    assert wanted == ["labels"]
