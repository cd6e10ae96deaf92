"""Commands that lie elsewhere than the contract puts them: they are handled, but nothing keeps their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import structlog

from infra.kafka.command_client import KEY_FIELDS
from infra.kafka.partitioner import Placement
from infra.log.poison import place_text
from infra.metrics import WorkerMetrics
from workers.command_worker.intake import ParsedCommand

Why = Literal["no_key", "other_key", "other_partition"]

LOG = structlog.get_logger()


def tell_misplaced(commands: Iterable[ParsedCommand], placement: Placement | None, metrics: WorkerMetrics) -> None:
    """Count misplaced commands by what is wrong, and log for each what the first one of them is.

    Args:
        commands: Those of one batch.
        placement: Where records of their topic belong; None: only keys are looked at.
        metrics: Counts them.
    """
    found: dict[Why, list[ParsedCommand]] = {}
    for why, command in _misplaced(commands, placement):
        found.setdefault(why, []).append(command)
    for why, misplaced in found.items():
        metrics.misplaced(why, len(misplaced))
        first = misplaced[0]
        LOG.warning(
            "commands_misplaced",
            why=why,
            commands=len(misplaced),
            first=place_text(first.record),
            source=first.meta.source,
            command_id=first.meta.command_id,
            key=None if first.record.key is None else first.record.key.decode(errors="replace"),
            expected_key=key_of_command(first),
        )


def key_of_command(command: ParsedCommand) -> str | None:
    """Return the key under which the contract wants a command, as ``KEY_FIELDS`` says; None where any will do."""
    named = vars(command.command)
    return next((named[name] for name in KEY_FIELDS if named.get(name)), None)


def _misplaced(commands: Iterable[ParsedCommand], placement: Placement | None) -> Iterator[tuple[Why, ParsedCommand]]:
    for command in commands:
        record, expected = command.record, key_of_command(command)
        if expected is None:
            continue
        if record.key is None:
            yield "no_key", command
        elif record.key != expected.encode():
            yield "other_key", command
        elif placement is not None and record.partition != placement.of(record.key):
            yield "other_partition", command
