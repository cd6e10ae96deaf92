"""What a run left behind, read whole: the log, the answers that it keeps, and the topics."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from kafka.errors import KafkaTimeoutError

from infra.addresses import addresses, postgres_address
from infra.kafka.record import Record
from infra.kafka.topic_reader import TopicReader
from infra.kafka.topics import TopicNames
from infra.log.auditing import StoredOutcome, events_after, outcomes_after
from infra.log.poison import failures
from infra.records import StoredEvent
from infra.settings import Settings

PAGE_EVENTS: Final = 2_000
POLL_MS: Final = 500
EMPTY_POLLS_MAX: Final = 60

Command = tuple[str, str]
"""Source and id."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that is checked."""

    events: Sequence[StoredEvent]
    outcomes: dict[Command, StoredOutcome]
    failures: Sequence[tuple[Any, ...]]
    """Records that made a worker fail."""
    stops: Sequence[tuple[Any, ...]]
    """Why the auditor stopped."""
    commands: Sequence[Record]
    published: Sequence[Record]
    answers: Sequence[Record]
    dead: Sequence[Record]


def gather(settings: Settings) -> Evidence:
    """Read everything; no worker may be running any more."""
    bootstrap = addresses(settings).kafka_bootstrap
    topics = TopicNames(settings.topic_prefix)
    with psycopg.connect(postgres_address(settings)) as connection:
        return Evidence(
            events=_log(connection),
            outcomes={kept.source_and_id: kept for kept in _outcomes(connection)},
            failures=failures(connection),
            stops=connection.execute("SELECT stopped_at, fault FROM rma_audit.stops").fetchall(),
            commands=_topic(bootstrap, topics.commands),
            published=_topic(bootstrap, topics.events),
            answers=_topic(bootstrap, topics.results),
            dead=_topic(bootstrap, topics.dead),
        )


def _log(connection: psycopg.Connection) -> list[StoredEvent]:
    events: list[StoredEvent] = []
    while page := events_after(connection, events[-1].position if events else 0, PAGE_EVENTS):
        events += page
    return events


def _outcomes(connection: psycopg.Connection) -> list[StoredOutcome]:
    kept: list[StoredOutcome] = []
    while page := outcomes_after(connection, kept[-1].seq if kept else 0, PAGE_EVENTS):
        kept += page
    return kept


def _topic(bootstrap: str, topic: str) -> list[Record]:
    """Return a topic's records, partition by partition in their order."""
    found: list[Record] = []
    with closing(TopicReader(bootstrap, topic)) as reader:
        ends, begins = reader.ends(), reader.begins()
        reader.seek(begins)
        left = sum(ends.values()) - sum(begins.values())
        empty = 0
        while len(found) < left:
            polled = [record for records in reader.poll(POLL_MS).values() for record in records]
            empty = 0 if polled else empty + 1
            if empty > EMPTY_POLLS_MAX:
                raise KafkaTimeoutError(f"{topic} ends before its end")
            found += polled
    return sorted(found, key=lambda record: (record.partition, record.offset))
