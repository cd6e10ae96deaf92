"""A command under a wrong key or in a wrong partition is told: it is handled, but its order is nobody's promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import structlog

from infra.kafka.partitioner import Partitioner, Placement
from infra.metrics import WorkerMetrics
from tests.support.pipeline import Polled, command, delivery, order
from workers.command_worker.intake import ParsedCommand, take_in
from workers.command_worker.misplacement import tell_misplaced

PLACEMENT = Placement(Partitioner.MURMUR2, 6)
POLICY = {"policy_id": "standard", "effective_from": "2026-01-01T00:00:00Z", "document": {"window": {"days": 30}}}
DIFFERENCE = {
    "difference_id": "7c1d9a4e-5b0f-4c1a-9d55-0d8b7a3f6e21",
    "resolution": "written_off",
    "note": "too small to chase",
}


def told(records: Sequence[Polled], placement: Placement | None = PLACEMENT) -> tuple[list[Any], dict[str, float]]:
    """Return the lines logged about records, and how many were counted by what is wrong."""
    metrics = WorkerMetrics("commands")
    with structlog.testing.capture_logs() as lines:
        parsed = [taken for record in records if isinstance(taken := take_in(record, "dead"), ParsedCommand)]
        assert len(parsed) == len(records)
        tell_misplaced(parsed, placement, metrics)
    counted = {
        sample.labels["why"]: sample.value
        for metric in metrics.registry.collect()
        for sample in metric.samples
        if sample.name == "rma_misplaced_total"
    }
    return lines, counted


def placed(record: Polled) -> Polled:
    return replace(record, partition=PLACEMENT.of(record.key))


@pytest.mark.parametrize(
    "record",
    [
        command("RegisterOrder", order("O-7"), key=b"O-7"),
        command("PublishPolicy", POLICY, key=b"standard"),
        command("ResolveDifference", DIFFERENCE, key=b"anything"),
        command("ResolveDifference", DIFFERENCE, key=None),
    ],
    ids=["an order", "a policy", "what names neither", "what names neither, without a key"],
)
def test_what_lies_where_the_contract_puts_it_is_not_told(record: Polled) -> None:
    """The key is the order, for policies the policy; a command about neither may have any."""
    assert told([placed(record)]) == ([], {})


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (placed(command("RegisterOrder", order("O-7"), key=None)), "no_key"),
        (placed(command("RegisterOrder", order("O-7"), key=b"C-1")), "other_key"),
        (command("RegisterOrder", order("O-7"), key=b"O-7"), "other_partition"),
    ],
)
def test_what_lies_elsewhere_is_logged_and_counted(record: Polled, why: str) -> None:
    """The line says which record it is, what its key is, and what it should be."""
    [line], counted = told([record])

    assert counted == {why: 1}
    assert (line["event"], line["why"], line["commands"], line["expected_key"]) == ("commands_misplaced", why, 1, "O-7")
    assert line["first"] == f"rma.commands/{record.partition}@{record.offset}"
    assert line["key"] == (None if record.key is None else record.key.decode())


def test_a_batch_of_misplaced_commands_is_one_line() -> None:
    """A shop that never sets a key must not fill the log: one line a batch and kind, and every command counted."""
    without = [placed(command("RecordDelivery", delivery(f"O-{number}"), key=None)) for number in range(50)]
    other = placed(command("RegisterOrder", order(), key=b"C-1"))

    lines, counted = told([*without, other])

    assert [(line["why"], line["commands"]) for line in lines] == [("no_key", 50), ("other_key", 1)]
    assert counted == {"no_key": 50, "other_key": 1}


def test_without_the_topic_only_keys_are_looked_at() -> None:
    """Where the number of partitions is not known, no partition is called wrong."""
    assert told([command("RegisterOrder", order("O-7"), key=b"O-7")], None) == ([], {})
