"""The log: every event of every stream in one order, with the answer to every command, in PostgreSQL.

An append is one transaction under a table lock, so positions have no gaps even after a rollback, and a reader that goes
by position misses nothing. Streams are protected by the primary key (stream, version), answers by (source, command id).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

import psycopg
from psycopg import Cursor

from domain.values import dataclass
from infra.columns import Insert, may_be_recorded, texts
from infra.envelope.hash_chain import FIRST_PREV_HASH, CommandChain, outcome_hash
from infra.envelope.results import result_body
from infra.log.outgoing import Answers, Given
from infra.records import (
    Decided,
    Entry,
    EventRow,
    NewEvent,
    OutboxRow,
    Outcome,
    StoredEvent,
    rfc3339,
)
from infra.sessions import Session

READ_EVENTS_MAX: Final = 20_000
EVENT_COLUMNS: Final = ", ".join(StoredEvent._fields)
LOAD: Final = rf"""
    SELECT {", ".join(f"e.{name}" for name in StoredEvent._fields)}
    FROM unnest(string_to_array(%t, E'\n'), string_to_array(%t, E'\n')::bigint[]) AS wanted (stream, after_version)
    CROSS JOIN LATERAL (
        SELECT * FROM rma_log.events AS recorded
        WHERE recorded.stream = wanted.stream AND recorded.version > wanted.after_version
        ORDER BY recorded.version
    ) AS e
"""  # noqa: S608 - column names of our own
FIND_OUTCOMES: Final = r"""
    SELECT o.source, o.command_id, o.fingerprint, o.result
    FROM unnest(string_to_array(%t, E'\n'), string_to_array(%t, E'\n')) AS asked (source, command_id)
    CROSS JOIN LATERAL (
        SELECT * FROM rma_log.outcomes AS known
        WHERE known.source = asked.source AND known.command_id = asked.command_id
    ) AS o
"""
LOCK: Final = "LOCK TABLE rma_log.tail IN EXCLUSIVE MODE"
TAIL: Final = r"""
    SELECT
        clock_timestamp(), tail.outbox_seq, coalesce(last.position, 0), last.hash, coalesce(given.seq, 0), given.hash,
        ARRAY(
            SELECT appended.stream
            FROM unnest(string_to_array(%t, E'\n'), string_to_array(%t, E'\n')::bigint[]) AS appended (stream, before)
            WHERE NOT EXISTS (
                SELECT FROM rma_log.events AS e WHERE e.stream = appended.stream AND e.version = appended.before
            )
        )
    FROM rma_log.tail LEFT JOIN LATERAL (
        SELECT position, hash FROM rma_log.events ORDER BY position DESC LIMIT 1
    ) AS last ON true LEFT JOIN LATERAL (
        SELECT seq, hash FROM rma_log.outcomes ORDER BY seq DESC LIMIT 1
    ) AS given ON true
"""
"""Where the log ends, and which of these streams lack the version that is to be there before."""
INSERT_EVENTS: Final = Insert.into(
    "rma_log.events",
    EVENT_COLUMNS,
    "int8 text int8 uuid text timestamptz timestamptz text text text text text text bytea bytea text? bytea",
)
INSERT_OUTCOMES: Final = Insert.into(
    "rma_log.outcomes",
    "source, command_id, fingerprint, status, result, seq, hash",
    "text text bytea text bytea int8 bytea",
)
INSERT_OUTBOX: Final = Insert.into(
    "rma_log.outbox",
    "seq, after_position, topic, key, header_names, header_values, value",
    "int8 int8 text bytea bytea[] bytea[] bytea",
)
GROWN: Final = "rma_log"
"""The channel on which PostgreSQL tells those who listen that an append was committed."""
GROW: Final = f"UPDATE rma_log.tail SET outbox_seq = outbox_seq + %s RETURNING pg_notify('{GROWN}', '')"  # noqa: S608 - a name of our own
RACED_CONSTRAINTS: Final = frozenset({"events_stream_version", "outcomes_command"})


class ConcurrencyError(Exception):
    """Somebody else appended to a stream, or answered a command, in the meantime. Nothing was written."""


class StreamGapError(Exception):
    """An append would have left a hole in a stream; its author's state was wrong. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Append:
    """What one transaction writes: the entries of a batch, in order, and the topic that takes their answers."""

    entries: Sequence[Entry]
    results_topic: str


@dataclass(frozen=True, slots=True)
class _Tail:
    recorded_at: datetime
    outbox_seq: int
    position: int
    hash: bytes
    outcome_seq: int
    outcome_hash: bytes


class EventLog(Session):
    """The log, behind one session."""

    def load(self, requests: Mapping[str, int]) -> dict[str, list[StoredEvent]]:
        """Return the events of all these streams after the versions named, with one query; absent: none."""
        found: dict[str, list[StoredEvent]] = {}
        wanted = [stream for stream in requests if may_be_recorded(stream)]
        if wanted:
            asked = (texts(wanted), texts([str(requests[stream]) for stream in wanted]))
            for row in self.connection.execute(LOAD, asked, prepare=True, binary=True):
                event = StoredEvent(*row)
                found.setdefault(event.stream, []).append(event)
        return found

    def find_outcomes(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Outcome]:
        """Return the stored answers of those commands, by (source, command id), that were answered before."""
        wanted = [key for key in keys if may_be_recorded("".join(key))]
        if not wanted:
            return {}
        asked = (texts([source for source, _ in wanted]), texts([command_id for _, command_id in wanted]))
        rows = self.connection.execute(FIND_OUTCOMES, asked, prepare=True, binary=True)
        return {(row[0], row[1]): Outcome(row[2], row[3]) for row in rows}

    def read(self, after_position: int, limit: int) -> list[StoredEvent]:
        """Return up to ``limit`` events (20,000 at most) that follow a position, in log order."""
        query = f"SELECT {EVENT_COLUMNS} FROM rma_log.events WHERE position > %s ORDER BY position LIMIT %s"  # noqa: S608
        bounds = (after_position, min(limit, READ_EVENTS_MAX))
        return [StoredEvent(*row) for row in self.connection.execute(query, bounds, prepare=True, binary=True)]

    def read_outbox(self, after_seq: int, up_to_position: int, limit: int) -> list[OutboxRow]:
        """Return up to ``limit`` messages after a sequence number whose events are at or before a position."""
        query = (
            "SELECT seq, topic, key, header_names, header_values, value FROM rma_log.outbox "
            "WHERE seq > %s AND after_position <= %s ORDER BY seq LIMIT %s"
        )
        bounds = (after_seq, up_to_position, limit)
        return [OutboxRow(*row) for row in self.connection.execute(query, bounds, prepare=True, binary=True)]

    def append(self, batch: Append) -> None:
        """Write the events, answers and messages of a batch in one transaction, or nothing.

        Raises:
            ConcurrencyError: A stream grew, or a command was answered, since the batch was decided.
            StreamGapError: An event's predecessor is not in the log.
            psycopg.OperationalError: PostgreSQL is away, or the lock could not be had in time.
        """
        try:
            with self.waiting_for_locks(), self.connection.transaction(), self.connection.cursor() as cursor:
                _append(cursor, batch)
        except psycopg.errors.UniqueViolation as violation:
            if violation.diag.constraint_name not in RACED_CONSTRAINTS:
                raise
            raise ConcurrencyError(violation.diag.message_detail) from violation


def _append(cursor: Cursor, batch: Append) -> None:
    cursor.execute(LOCK)
    tail = _tail(cursor, [event for entry in batch.entries if isinstance(entry, Decided) for event in entry.events])
    recorded = _record([entry for entry in batch.entries if isinstance(entry, Decided)], tail)
    events = [event for of_command in recorded.values() for event in of_command]
    recorded_at_text = rfc3339(tail.recorded_at)
    results = {
        command: Given(seq, result_body(command.stamp, command.verdict, found, recorded_at_text))
        for seq, (command, found) in enumerate(recorded.items(), start=tail.outcome_seq + 1)
    }
    answers = Answers(batch.results_topic, results, recorded_at_text)
    messages = [message for entry in batch.entries for message in answers.messages(entry)]
    outbox = [
        (seq, tail.position + len(events), *message) for seq, message in enumerate(messages, start=tail.outbox_seq + 1)
    ]
    rows = {INSERT_EVENTS: events, INSERT_OUTCOMES: _outcomes(results, tail), INSERT_OUTBOX: outbox}
    _write(cursor, {insert: found for insert, found in rows.items() if found}, len(messages))


def _tail(cursor: Cursor, events: Sequence[NewEvent]) -> _Tail:
    """Return where the log ends; raises ``StreamGapError`` where one of these events' predecessors is not in it."""
    first_versions: dict[str, int] = {}
    for event in events:
        first_versions.setdefault(event.stream, event.version)
    later = {stream: version for stream, version in first_versions.items() if version > 1}
    bounds = (texts(list(later)), texts([str(version - 1) for version in later.values()]))
    [(recorded_at, outbox_seq, position, last_hash, seq, seq_hash, gaps)] = cursor.execute(
        TAIL, bounds, prepare=True
    ).fetchall()
    if gaps:
        raise StreamGapError(f"no predecessor in {', '.join(gaps)}")
    return _Tail(recorded_at, outbox_seq, position, last_hash or FIRST_PREV_HASH, seq, seq_hash or FIRST_PREV_HASH)


def _record(commands: Sequence[Decided], tail: _Tail) -> dict[Decided, list[EventRow]]:
    """Give every event its place in the log and in the chain of hashes; return them by command, in order."""
    position, prev_hash, recorded_at = tail.position, tail.hash, rfc3339(tail.recorded_at)
    recorded = {}
    for command in commands:
        recorded[command] = rows = _rows(command, position, prev_hash, recorded_at)
        if rows:
            position, prev_hash = rows[-1].position, rows[-1].hash
    return recorded


def _rows(command: Decided, position: int, prev_hash: bytes, recorded_at: str) -> list[EventRow]:
    """Return a command's events behind a position of the log, and behind the hash of the event there.

    What led to the first is what the command names, else the command itself; what led to each further one is the event
    before it.
    """
    stamp, rows = command.stamp, []
    chain, at, occurred_at = CommandChain(stamp, recorded_at), None, ""
    causation_id = stamp.causation_id or stamp.command_id
    for event in command.events:
        position += 1
        if event.occurred_at is not at:  # of one command it is one and the same, as a rule
            at, occurred_at = event.occurred_at, rfc3339(event.occurred_at)
        event_id = stamp.event_id(event.stream, event.version)
        hashed = chain.hash(prev_hash, event, event_id, position, occurred_at, causation_id)
        row = EventRow(
            position,
            event.stream,
            event.version,
            event_id,
            event.type,
            occurred_at,
            recorded_at,
            stamp.actor,
            stamp.command_id,
            stamp.source,
            stamp.correlation_id,
            causation_id,
            event.partition_key,
            prev_hash,
            hashed,
            event.sealed_key_id,
            event.body,
        )
        rows.append(row)
        prev_hash, causation_id = hashed, event_id
    return rows


def _outcomes(results: Mapping[Decided, Given], tail: _Tail) -> Sequence[tuple[object, ...]]:
    """Return the answers as rows, each with its place in their order and in their chain of hashes."""
    rows, chained = [], tail.outcome_hash
    for command, (seq, result) in results.items():
        stamp = command.stamp
        answer = (stamp.source, stamp.command_id, command.fingerprint, command.verdict.status, result)
        chained = outcome_hash(chained, seq, answer)
        rows.append((*answer, seq, chained))
    return rows


def _write(cursor: Cursor, rows: Mapping[Insert, Sequence[Sequence[object]]], messages: int) -> None:
    """Write rows into their tables, and that there are so many messages more, with one statement for all of them.

    Whoever listens hears of it with the commit.
    """
    if rows:
        given = [parameter for insert, of in rows.items() for parameter in insert.parameters(of)]
        cursor.execute(_writes(tuple(rows)), [*given, messages], prepare=True)


@lru_cache
def _writes(inserts: tuple[Insert, ...]) -> bytes:
    parts = [b"w%d AS (%s)" % (number, insert.statement) for number, insert in enumerate(inserts)]
    return b"WITH " + b", ".join(parts) + b" " + GROW.encode()
