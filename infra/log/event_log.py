"""The log: every event of every stream in one order, with the answer to every command, in PostgreSQL.

An append is one transaction under a table lock, so positions have no gaps even after a rollback, and a reader that goes
by position misses nothing. Streams are protected by the primary key (stream, version), answers by (source, command id).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import psycopg
from psycopg import Cursor

from infra.envelope.cloudevents import first_answer_headers, result_headers
from infra.envelope.hash_chain import FIRST_PREV_HASH, event_hash, outcome_hash
from infra.envelope.results import result_body
from infra.records import Answered, Decided, Entry, Message, OutboxRow, Outcome, SetAside, StoredEvent, Verdict
from infra.sessions import Session

READ_EVENTS_MAX: Final = 20_000
EVENT_COLUMNS: Final = ", ".join(StoredEvent._fields)
LOAD: Final = f"""
    SELECT {", ".join(f"e.{name}" for name in StoredEvent._fields)}
    FROM unnest(%s::text[], %s::bigint[]) AS wanted (stream, after_version)
    CROSS JOIN LATERAL (
        SELECT * FROM rma_log.events AS recorded
        WHERE recorded.stream = wanted.stream AND recorded.version > wanted.after_version
        ORDER BY recorded.version
    ) AS e
"""  # noqa: S608 - column names of our own
FIND_OUTCOMES: Final = """
    SELECT o.source, o.command_id, o.fingerprint, o.result
    FROM unnest(%s::text[], %s::text[]) AS asked (source, command_id)
    CROSS JOIN LATERAL (
        SELECT * FROM rma_log.outcomes AS known
        WHERE known.source = asked.source AND known.command_id = asked.command_id
    ) AS o
"""
LOCK: Final = "LOCK TABLE rma_log.tail IN EXCLUSIVE MODE"
TAIL: Final = """
    SELECT clock_timestamp(), tail.outbox_seq, coalesce(last.position, 0), last.hash, coalesce(given.seq, 0), given.hash
    FROM rma_log.tail LEFT JOIN LATERAL (
        SELECT position, hash FROM rma_log.events ORDER BY position DESC LIMIT 1
    ) AS last ON true LEFT JOIN LATERAL (
        SELECT seq, hash FROM rma_log.outcomes ORDER BY seq DESC LIMIT 1
    ) AS given ON true
"""
WITHOUT_PREDECESSOR: Final = """
    SELECT appended.stream FROM unnest(%s::text[], %s::bigint[]) AS appended (stream, version)
    WHERE appended.version > 1 AND NOT EXISTS (
        SELECT FROM rma_log.events AS e WHERE e.stream = appended.stream AND e.version = appended.version - 1
    )
"""


def _insert(table: str, columns: str, types: str) -> str:
    """Return the statement that takes the rows of a table as one array a column.

    Not COPY: while the server copies in it waits for its client without any bound, and the table's lock with it. An
    array of arrays has to be rectangular, so a column of arrays comes as their literals.
    """
    names, kinds = columns.split(", "), types.split()
    given = ", ".join(f"%b::{'text' if kind.endswith('[]') else kind}[]" for kind in kinds)
    taken = ", ".join(f"new.{name}::{kind}" for name, kind in zip(names, kinds, strict=True))
    return f"INSERT INTO rma_log.{table} ({columns}) SELECT {taken} FROM unnest({given}) AS new ({columns})"  # noqa: S608


INSERT_EVENTS: Final = _insert(
    "events",
    EVENT_COLUMNS,
    "int8 text int8 uuid text timestamptz timestamptz text text text text text text bytea bytea text bytea",
)
INSERT_OUTCOMES: Final = _insert(
    "outcomes", "source, command_id, fingerprint, status, result, seq, hash", "text text bytea text bytea int8 bytea"
)
INSERT_OUTBOX: Final = _insert(
    "outbox",
    "seq, after_position, topic, key, header_names, header_values, value",
    "int8 int8 text bytea bytea[] bytea[] bytea",
)
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
class Appended:
    """What an append wrote; ``events`` are in log order."""

    events: Sequence[StoredEvent]
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class _Tail:
    recorded_at: datetime
    outbox_seq: int
    position: int
    hash: bytes
    outcome_seq: int
    outcome_hash: bytes


class _Given(NamedTuple):
    """An answer that is given for the first time: its place in the order of all answers, and its bytes."""

    seq: int
    result: bytes


class EventLog(Session):
    """The log, behind one session."""

    def load(self, requests: Mapping[str, int]) -> dict[str, list[StoredEvent]]:
        """Return the events of all these streams after the versions named, with one query; absent: none."""
        found: dict[str, list[StoredEvent]] = {}
        if requests:
            rows = self.connection.execute(LOAD, (list(requests), list(requests.values())), prepare=True, binary=True)
            for row in rows:
                event = StoredEvent(*row)
                found.setdefault(event.stream, []).append(event)
        return found

    def find_outcomes(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Outcome]:
        """Return the stored answers of those commands, by (source, command id), that were answered before."""
        asked = list(keys)
        if not asked:
            return {}
        sources, command_ids = [source for source, _ in asked], [command_id for _, command_id in asked]
        rows = self.connection.execute(FIND_OUTCOMES, (sources, command_ids), prepare=True, binary=True)
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

    def append(self, batch: Append) -> Appended:
        """Write the events, answers and messages of a batch in one transaction, or nothing.

        Raises:
            ConcurrencyError: A stream grew, or a command was answered, since the batch was decided.
            StreamGapError: An event's predecessor is not in the log.
            psycopg.OperationalError: PostgreSQL is away, or the lock could not be had in time.
        """
        try:
            with self.waiting_for_locks(), self.connection.transaction(), self.connection.cursor() as cursor:
                return _append(cursor, batch)
        except psycopg.errors.UniqueViolation as violation:
            if violation.diag.constraint_name not in RACED_CONSTRAINTS:
                raise
            raise ConcurrencyError(violation.diag.message_detail) from violation


def _append(cursor: Cursor, batch: Append) -> Appended:
    cursor.execute(LOCK)
    [(recorded_at, outbox_seq, position, last_hash, seq, seq_hash)] = cursor.execute(TAIL, prepare=True).fetchall()
    tail = _Tail(recorded_at, outbox_seq, position, last_hash or FIRST_PREV_HASH, seq, seq_hash or FIRST_PREV_HASH)
    recorded = _record([entry for entry in batch.entries if isinstance(entry, Decided)], tail)
    events = [event for of_command in recorded.values() for event in of_command]
    results = {
        command: _Given(seq, _result(command, found, tail))
        for seq, (command, found) in enumerate(recorded.items(), start=tail.outcome_seq + 1)
    }
    _refuse_gaps(cursor, events)
    _write(cursor, INSERT_EVENTS, events)
    _write_outcomes(cursor, results, tail)
    messages = [message for entry in batch.entries for message in _messages(entry, results, batch, tail)]
    _write_outbox(cursor, messages, tail, tail.position + len(events))
    return Appended(events, tail.recorded_at)


def _record(commands: Sequence[Decided], tail: _Tail) -> dict[Decided, list[StoredEvent]]:
    """Give every event its place in the log and in the chain of hashes; return them by command, in order.

    What led to a command's first event is what the command names, else the command itself; what led to each further
    one is the event before it.
    """
    position, prev_hash = tail.position, tail.hash
    recorded = {}
    for command in commands:
        stamp, of_command = command.stamp, []
        causation_id = stamp.causation_id or stamp.command_id
        for event in command.events:
            position += 1
            event_id = stamp.event_id(event.stream, event.version)
            unhashed = StoredEvent(
                position=position,
                stream=event.stream,
                version=event.version,
                event_id=event_id,
                type=event.type,
                occurred_at=event.occurred_at,
                recorded_at=tail.recorded_at,
                actor=stamp.actor,
                command_id=stamp.command_id,
                command_source=stamp.source,
                correlation_id=stamp.correlation_id,
                causation_id=causation_id,
                partition_key=event.partition_key,
                prev_hash=prev_hash,
                hash=b"",
                sealed_key_id=event.sealed_key_id,
                body=event.body,
            )
            prev_hash, causation_id = event_hash(unhashed), str(event_id)
            of_command.append(unhashed._replace(hash=prev_hash))
        recorded[command] = of_command
    return recorded


def _result(command: Decided, events: Sequence[StoredEvent], tail: _Tail) -> bytes:
    return result_body(command.stamp, command.verdict, events, tail.recorded_at)


def _messages(entry: Entry, results: Mapping[Decided, _Given], batch: Append, tail: _Tail) -> Iterator[Message]:
    """Yield what is published beside the events: the answer, and the dead letter."""
    match entry:
        case SetAside(letter=letter, answered=answered):
            if answered is not None:
                yield from _messages(answered, results, batch, tail)
            yield letter
        case Decided():
            seq, result = results[entry]
            yield _answer(entry, result, batch, tail, first_answer_headers(seq, entry.fingerprint))
        case Answered(answer=Decided() as first):
            yield _answer(entry, results[first].result, batch, tail)
        case Answered(answer=bytes() as given):
            yield _answer(entry, given, batch, tail)
        case Answered(stamp=stamp, answer=Verdict() as verdict):
            yield _answer(entry, result_body(stamp, verdict, (), tail.recorded_at), batch, tail)


def _answer(
    entry: Decided | Answered, result: bytes, batch: Append, tail: _Tail, of_the_first: Sequence[tuple[str, bytes]] = ()
) -> Message:
    headers = [*result_headers(entry.stamp, result, tail.recorded_at), *of_the_first]
    return Message(batch.results_topic, entry.key, headers, result)


def _refuse_gaps(cursor: Cursor, events: Sequence[StoredEvent]) -> None:
    first_versions: dict[str, int] = {}
    for event in events:
        first_versions.setdefault(event.stream, event.version)
    bounds = (list(first_versions), list(first_versions.values()))
    gaps = cursor.execute(WITHOUT_PREDECESSOR, bounds, prepare=True).fetchall()
    if gaps:
        raise StreamGapError(f"no predecessor in {', '.join(stream for (stream,) in gaps)}")


def _write(cursor: Cursor, insert: str, rows: Sequence[Sequence[object]]) -> None:
    if rows:
        cursor.execute(insert, [list(column) for column in zip(*rows, strict=True)], prepare=True)


def _write_outcomes(cursor: Cursor, results: Mapping[Decided, _Given], tail: _Tail) -> None:
    """Write the answers, each with its place in their order and in their chain of hashes."""
    rows, chained = [], tail.outcome_hash
    for command, (seq, result) in results.items():
        stamp = command.stamp
        answer = (stamp.source, stamp.command_id, command.fingerprint, command.verdict.status, result)
        chained = outcome_hash(chained, seq, answer)
        rows.append((*answer, seq, chained))
    _write(cursor, INSERT_OUTCOMES, rows)


def _write_outbox(cursor: Cursor, messages: Sequence[Message], tail: _Tail, after_position: int) -> None:
    if not messages:
        return
    rows = [
        (
            seq,
            after_position,
            message.topic,
            message.key,
            _array(name.encode() for name, _ in message.headers),
            _array(value for _, value in message.headers),
            message.value,
        )
        for seq, message in enumerate(messages, start=tail.outbox_seq + 1)
    ]
    _write(cursor, INSERT_OUTBOX, rows)
    cursor.execute("UPDATE rma_log.tail SET outbox_seq = outbox_seq + %s", (len(messages),))


def _array(values: Iterable[bytes]) -> str:
    """Return PostgreSQL's literal of an array of bytes."""
    return "{" + ",".join([f'"\\\\x{value.hex()}"' for value in values]) + "}"
