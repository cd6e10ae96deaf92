"""What a run left behind, read whole: the log, the answers that it keeps, and the topics."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import psycopg
from kafka.errors import KafkaTimeoutError

from infra.addresses import addresses, postgres_address
from infra.kafka.record import Record
from infra.kafka.topic_reader import TopicReader
from infra.kafka.topics import TopicNames
from infra.log.auditing import StoredOutcome, events_after, outcomes_after
from infra.log.poison import failures
from infra.records import StoredEvent
from infra.sealing.letters import DEAD_HEADER_PREFIX, KEY_ID, key_of_letter, open_letter
from infra.sealing.vault import open_vault
from infra.settings import Settings

PAGE_EVENTS: Final = 2_000
POLL_MS: Final = 500
EMPTY_POLLS_MAX: Final = 60

Command = tuple[str, str]
"""Source and id."""


class Letter(NamedTuple):
    """A dead letter as the record that it was, at its place among letters."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    timestamp: int


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
            dead=_opened(settings, _topic(bootstrap, topics.dead)),
        )


def _opened(settings: Settings, letters: Sequence[Record]) -> list[Record]:
    """Return dead letters as the records that they were, with our headers, but for that of their key."""
    found: list[Record] = []
    with closing(open_vault(settings)) as vault:
        for letter in letters:
            headers = [(name, value or b"") for name, value in letter.headers]
            key_id = key_of_letter(headers)
            assert key_id is not None  # noqa: S101 - every letter of this version is sealed
            original = open_letter(headers, letter.value or b"", vault.letter_keys([key_id])[key_id])
            own = [(name, value) for name, value in headers if name.startswith(DEAD_HEADER_PREFIX) and name != KEY_ID]
            place = (letter.topic, letter.partition, letter.offset)
            found.append(Letter(*place, original.key, original.value, [*original.headers, *own], letter.timestamp))
    return found


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
