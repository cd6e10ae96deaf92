"""Putting back into the log what was recorded before and is known from elsewhere: events, answers, where a lane stands.

Nothing gets another position, hash or place than it had. All of it is to be called in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final, NamedTuple

from psycopg import Connection

from infra.envelope.hash_chain import FIRST_PREV_HASH, outcome_hash
from infra.envelope.results import result_body
from infra.log.event_log import EVENT_COLUMNS, INSERT_EVENTS, INSERT_OUTCOMES, LOCK
from infra.records import LOST_FINGERPRINT, CommandStamp, StoredEvent, Verdict, rfc3339

PAGE_ROWS: Final = 5_000
UNKNOWN_TYPE: Final = "unknown"
"""What an answer that was made anew says of its command's type, which no event bears."""

END: Final = """
    SELECT coalesce(last.position, 0), last.hash, last.recorded_at, coalesce(given.seq, 0), given.hash
    FROM rma_log.tail LEFT JOIN LATERAL (
        SELECT position, hash, recorded_at FROM rma_log.events ORDER BY position DESC LIMIT 1
    ) AS last ON true LEFT JOIN LATERAL (
        SELECT seq, hash FROM rma_log.outcomes ORDER BY seq DESC LIMIT 1
    ) AS given ON true
"""
FOUND: Final = """
    CREATE TEMPORARY TABLE found_answers (
        seq bigint UNIQUE, source text COLLATE "C", command_id text COLLATE "C", fingerprint bytea, status text,
        result bytea, first_position bigint, PRIMARY KEY (source, command_id)
    ) ON COMMIT DROP
"""
FIND: Final = """
    INSERT INTO found_answers
    SELECT * FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::bytea[], %b::text[], %b::bytea[], %b::bigint[])
    ON CONFLICT DO NOTHING
"""
UNANSWERED: Final = f"""
    SELECT {EVENT_COLUMNS} FROM rma_log.events AS e WHERE position > %s
    AND NOT EXISTS (SELECT FROM found_answers AS f WHERE f.source = e.command_source AND f.command_id = e.command_id)
    ORDER BY position
"""  # noqa: S608 - column names of our own
COUNTED: Final = "SELECT count(*), count(seq), coalesce(max(seq), 0) FROM found_answers"
IN_ORDER: Final = """
    SELECT source, command_id, fingerprint, status, result FROM (
        SELECT *, coalesce(first_position, max(first_position) OVER (ORDER BY seq NULLS LAST), 0) AS place
        FROM found_answers
    ) AS placed ORDER BY place, seq
"""
MOVE_LANES: Final = "UPDATE rma_log.relays SET epoch = epoch + 1, position = %s, updated_at = now()"
IS_ANSWERED: Final = """
    SELECT o.source, o.command_id FROM unnest(%s::text[], %s::text[]) AS asked (source, command_id)
    JOIN rma_log.outcomes AS o USING (source, command_id) WHERE o.fingerprint <> %s
"""
OUTCOME_HASH: Final = "SELECT hash FROM rma_log.outcomes WHERE seq = %s"


class LogEnd(NamedTuple):
    """Where the log ends: its last event, and the last answer in the order of answers."""

    position: int
    hash: bytes
    recorded_at: datetime | None
    seq: int
    outcome_hash: bytes


class FoundAnswer(NamedTuple):
    """An answer that was given; ``first_position`` is that of the first event that it names, ``seq`` its place."""

    seq: int | None
    source: str
    command_id: str
    fingerprint: bytes
    status: str
    result: bytes
    first_position: int | None


class AnswersRestored(NamedTuple):
    """How many answers are as they were, and how many had to be made anew."""

    kept: int
    made_anew: int
    lost: int
    """How many more were given, as far as the places of those that are there tell."""


def hold(connection: Connection) -> LogEnd:
    """Let nobody append until the transaction ends, and return where the log ends."""
    connection.execute(LOCK)
    [(position, last_hash, recorded_at, seq, chained)] = connection.execute(END).fetchall()
    return LogEnd(position, last_hash or FIRST_PREV_HASH, recorded_at, seq, chained or FIRST_PREV_HASH)


def put_back(connection: Connection, events: Sequence[StoredEvent]) -> None:
    """Write events as they were."""
    if events:
        connection.execute(INSERT_EVENTS.statement, INSERT_EVENTS.parameters(events))


def begin_to_find(connection: Connection) -> None:
    """Make room for the answers that are found, until the transaction ends."""
    connection.execute(FOUND)


def keep_found(connection: Connection, answers: Sequence[FoundAnswer]) -> None:
    """Remember answers that were found; one that was found before is passed over."""
    if answers:
        connection.execute(FIND, [list(column) for column in zip(*answers, strict=True)])


def put_answers_back(connection: Connection, begun: LogEnd) -> AnswersRestored:
    """Write the answers that were found, and for the rest of the events answers that say what their commands led to."""
    made_anew = 0
    for page in _made_anew(connection, begun.position):
        keep_found(connection, page)
        made_anew += len(page)
    [(count, kept, last)] = connection.execute(COUNTED).fetchall()
    lost = last - begun.seq - kept - made_anew if kept else 0
    seq, chained = begun.seq, begun.outcome_hash
    with connection.cursor("found_in_order") as found:
        found.execute(IN_ORDER)
        while rows := found.fetchmany(PAGE_ROWS):
            written = []
            for source, command_id, fingerprint, status, result in rows:
                seq += 1
                answer = (source, command_id, bytes(fingerprint), status, bytes(result))
                chained = outcome_hash(chained, seq, answer)
                written.append((*answer, seq, chained))
            connection.execute(INSERT_OUTCOMES.statement, INSERT_OUTCOMES.parameters(written))
    assert seq == begun.seq + count  # noqa: S101 - each was written once
    return AnswersRestored(kept, made_anew, max(0, lost))


def _made_anew(connection: Connection, after_position: int) -> Iterator[list[FoundAnswer]]:
    """Yield answers to the commands whose own were not found, a page at a time; all events of one are neighbours."""
    page = []
    with connection.cursor("unanswered") as cursor:
        cursor.itersize = PAGE_ROWS
        cursor.execute(UNANSWERED.encode(), (after_position,), binary=True)
        rows = (StoredEvent(*row) for row in cursor)
        for (source, command_id), of_command in groupby(rows, lambda event: (event.command_source, event.command_id)):
            events = list(of_command)
            stamp = CommandStamp(source, command_id, UNKNOWN_TYPE, events[0].actor, events[0].correlation_id)
            result = result_body(stamp, Verdict("accepted"), events, rfc3339(events[0].recorded_at))
            page.append(FoundAnswer(None, source, command_id, LOST_FINGERPRINT, "accepted", result, events[0].position))
            if len(page) == PAGE_ROWS:
                yield page
                page = []
    yield page


def move_lanes(connection: Connection, position: int) -> None:
    """Let every lane stand at a position of the log, in a new epoch: whoever led one before can no longer move it."""
    connection.execute(MOVE_LANES, (position,))


def answered(connection: Connection, commands: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those of these commands, by source and id, that have an answer which was not made anew."""
    sources, ids = [source for source, _ in commands], [command_id for _, command_id in commands]
    return {
        (source, command_id) for source, command_id in connection.execute(IS_ANSWERED, (sources, ids, LOST_FINGERPRINT))
    }


def outcome_hash_at(connection: Connection, seq: int) -> bytes | None:
    """Return the chain hash of the answer at a place; zeros before the first, None where there is none yet."""
    if not seq:
        return FIRST_PREV_HASH
    row = connection.execute(OUTCOME_HASH, (seq,)).fetchone()
    return None if row is None else bytes(row[0])
