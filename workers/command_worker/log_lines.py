"""What a command worker says of each command in its log: who asked, what came of it, never what was written."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import structlog

from infra.kafka.record import Record
from infra.log.poison import place_text
from infra.records import Answered, Decided, Entry, SetAside, Verdict
from workers.command_worker.intake import ParsedCommand

LOG = structlog.get_logger()


def verdict_of(entry: Entry) -> Verdict | None:
    """Return what a command was answered now; None where it got its first answer again, or nobody was answered."""
    match entry:
        case Decided(verdict=verdict) | Answered(answer=Verdict() as verdict):
            return verdict
        case SetAside(answered=Answered(answer=Verdict() as verdict)):
            return verdict
    return None


def subject_of(command: ParsedCommand | SetAside) -> dict[str, str]:
    """Return the order and the return that a command names; nothing of what could not be read."""
    if isinstance(command, SetAside):
        return {}
    return {name: str(value) for name in ("order_id", "rma_id") if (value := command.command.named(name)) is not None}


def log_handled(handled: Iterable[tuple[Record, ParsedCommand | SetAside, Entry]]) -> None:
    """Write the one line of each record; nothing is put together for lines that this level leaves out."""
    tells_all = LOG.is_enabled_for(logging.INFO)
    for record, command, entry in handled:
        answered = entry.answered if isinstance(entry, SetAside) else entry
        if answered is None:
            LOG.warning("record_dead", place=place_text(record))
        elif tells_all:
            _log_answered(command, entry, answered)


def _log_answered(command: ParsedCommand | SetAside, entry: Entry, answered: Decided | Answered) -> None:
    verdict = verdict_of(entry)
    LOG.info(
        "command_handled",
        command_id=answered.stamp.command_id,
        source=answered.stamp.source,
        type=answered.stamp.type,
        **subject_of(command),
        correlation_id=answered.stamp.correlation_id,
        status="repeated" if verdict is None else verdict.status,
        code=verdict.code if verdict else None,
        events=len(entry.events) if isinstance(entry, Decided) else 0,
    )
